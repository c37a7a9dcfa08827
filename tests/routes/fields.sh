# Fields of headers, and limits of groups: see fields.py.
exec python3 fields.py
