"""Records that change hands: packed with who made them, checked before they are filed, trained again."""
