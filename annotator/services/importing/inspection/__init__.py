"""What a person chooses about the labels of an upload: columns, values and folders, and what they mean here."""
