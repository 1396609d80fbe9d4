"""How spreadsheets and platforms write a table: its encoding, and what parts its columns"""

# A plain module, edited here.

_BOMS = {b"\xef\xbb\xbf": "utf-8", b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}


def decode_table(content: bytes) -> tuple[bytes, str, str]:
    """Find out a table's byte order mark, encoding and text; encoded again, the bytes are the same.

    **Raises:** `ValueError` if a table that says its encoding isn't in it.
    """
    for bom, encoding in _BOMS.items():
        if content.startswith(bom):
            return bom, encoding, content[len(bom) :].decode(encoding)
    if b"\0" in content[:4]:
        encoding = "utf-16-le" if content[1] == 0 else "utf-16-be"
        return b"", encoding, content.decode(encoding)
    for encoding in ("utf-8", "cp1252"):
        try:
            return b"", encoding, content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return b"", "latin-1", content.decode("latin-1")


def delimiter_of(text: str) -> tuple[str, int]:
    """Tell what parts the columns, and where the titles begin: after Excel's line `sep=;`."""
    first, newline, _ = text.partition("\n")
    if (line := first.strip('\r"')).lower().startswith("sep=") and len(line) == 5:
        return line[4], len(first + newline)
    return max(",;\t", key=first.count), 0
