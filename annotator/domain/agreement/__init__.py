"""How far labellers agree, and one answer from several."""
