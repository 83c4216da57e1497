"""What a method's file must hold, told in plain words within seconds, before any real run."""
