# needs: python3
python3 - <<'P'
import asyncio, hashlib, os
async def echo(r, w):
    while data := await r.read(65536):
        w.write(data); await w.drain()
    w.close()
async def one(i):
    r, w = await asyncio.open_connection("127.0.0.1", 8000)
    data = os.urandom(200000)
    async def send():
        w.write(data); await w.drain(); w.write_eof()
    got, _ = await asyncio.gather(r.read(-1), send())
    w.close()
    return got == data
async def main():
    s = await asyncio.start_server(echo, "127.0.0.1", 8000)
    print(sum(await asyncio.gather(*(one(i) for i in range(50)))))
asyncio.run(main())
P
