# needs: swaks /usr/bin/python3
/usr/bin/python3 - <<'P' &
import asyncio, aiosmtpd.controller
class H:
    async def handle_DATA(self, server, session, env):
        open("mail", "w").write(f"{env.mail_from} {env.rcpt_tos} {session.peer[0]} {len(env.content)}\n")
        return "250 taken"
c = aiosmtpd.controller.Controller(H(), hostname="127.0.0.1", port=2525)
c.start()
asyncio.new_event_loop().run_forever()
P
s=$!
up 2525
head -c 100000 /dev/zero | tr '\0' 'x' | fold -w 70 >body
swaks --server 127.0.0.1:2525 --from a@example.org --to b@example.org --helo me --header 'Date: now' --header 'Message-Id: <1@x>' --header 'X-Mailer: x' --body @body --hide-all && echo sent
cat mail
kill $s
