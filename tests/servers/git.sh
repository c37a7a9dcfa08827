# needs: git python3 curl
export HOME=$PWD GIT_CONFIG_NOSYSTEM=1
git config --global user.email a@b
git config --global user.name n
git config --global init.defaultBranch main
git config --global --add safe.directory '*'
git init -q src
head -c 3000000 /dev/urandom >src/f
git -C src add f
git -C src commit -qm one
git clone -q --bare src src.git
git -C src.git update-server-info
git -C src.git config http.receivepack true
mkdir cgi-bin # smart HTTP: git's own CGI program
printf '#!/bin/sh\nexport GIT_PROJECT_ROOT=%s GIT_HTTP_EXPORT_ALL=1 REMOTE_USER=x\nexec git http-backend\n' "$PWD" >cgi-bin/git
chmod +x cgi-bin/git
python3 -m http.server --cgi --bind 127.0.0.1 8000 >log 2>&1 & h=$!
git daemon --base-path="$PWD" --export-all --enable=receive-pack --reuseaddr --listen=127.0.0.1 --port=9418 >>log 2>&1 & d=$!
up 8000
up 9418
git clone -q http://127.0.0.1:8000/src.git a
git clone -q http://127.0.0.1:8000/cgi-bin/git/src.git b
git clone -q git://127.0.0.1/src.git c
cmp src/f a/f && cmp src/f b/f && cmp src/f c/f && echo same
echo more >c/g
git -C c add g
git -C c commit -qm two
git -C c push -q origin main
git -C b pull -q
cat b/g
kill $h $d
