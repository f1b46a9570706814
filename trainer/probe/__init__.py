"""The probe engine: cached features of a frozen backbone and one small linear head per attribute."""
