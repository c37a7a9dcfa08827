# needs: ssh sshd scp ssh-keygen curl
# root: nobody has no shell to log in with
ssh-keygen -q -t ed25519 -N '' -f hostkey
ssh-keygen -q -t ed25519 -N '' -f key
cp key.pub authorized
[ "$(id -u)" != 0 ] || mkdir -p /run/sshd
head -c 20000000 /dev/urandom >big
"$(command -v sshd || echo /usr/sbin/sshd)" -f /dev/null -p 2222 -h "$PWD/hostkey" -o AuthorizedKeysFile="$PWD/authorized" -o StrictModes=no -o UsePAM=no \
	-o PidFile="$PWD/pid" -o Subsystem='sftp internal-sftp' -E "$PWD/log"
up 2222
opts="-F /dev/null -i key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o BatchMode=yes"
ssh $opts -p 2222 127.0.0.1 'echo hello; cat | wc -c; exit 7' <big || echo "exit $?"
ssh $opts -p 2222 127.0.0.1 'ss -Htn state established sport = :2222' | wc -l
scp $opts -q -P 2222 big "127.0.0.1:$PWD/copy"
cmp big copy && echo same
ssh $opts -p 2222 -N -L 3333:127.0.0.1:4444 127.0.0.1 & tunnel=$!
python3 -m http.server --bind 127.0.0.1 4444 >/dev/null 2>&1 & h=$!
up 4444
up 3333
curl -s http://127.0.0.1:3333/copy | cmp - big && echo "same through the tunnel"
kill $tunnel $h "$(cat pid)"
