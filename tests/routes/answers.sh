# ICMP errors, and what is believed and forwarded: see answers.py.
exec python3 answers.py
