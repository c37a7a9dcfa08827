# needs: vsftpd curl
# root: takes its own users' ids
mkdir -p ftp/pub empty
chmod 755 . ftp
chown daemon ftp/pub
head -c 5000000 /dev/urandom >ftp/pub/big
cat >conf <<C
listen=YES
listen_address=127.0.0.1
listen_port=2121
anonymous_enable=YES
anon_root=$PWD/ftp
anon_upload_enable=YES
write_enable=YES
ftp_username=daemon
nopriv_user=nobody
secure_chroot_dir=$PWD/empty
seccomp_sandbox=NO
background=NO
C
vsftpd "$PWD/conf" & s=$!
up 2121
curl -s -m 60 ftp://127.0.0.1:2121/pub/big | cmp - ftp/pub/big && echo passive
curl -s -m 60 -P 127.0.0.1 ftp://127.0.0.1:2121/pub/big | cmp - ftp/pub/big && echo active
curl -s -m 60 -l ftp://127.0.0.1:2121/pub/
head -c 3000000 /dev/urandom >mine
curl -s -m 60 -T mine ftp://127.0.0.1:2121/pub/theirs && cmp mine ftp/pub/theirs && echo stored
kill $s
