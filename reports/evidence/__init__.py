"""What differs beyond noise. Imports `model` and `markup`."""
