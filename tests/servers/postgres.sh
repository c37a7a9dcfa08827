# needs: psql
# --map-self
# The server refuses to run as root.
[ "$(id -u)" != 0 ] || as="setpriv --reuid 65534 --regid 65534 --clear-groups env HOME=$PWD"
bin=$(ls -d /usr/lib/postgresql/*/bin | tail -n 1)
[ "$(id -u)" != 0 ] || chmod 777 .
$as $bin/initdb -A trust -U me --no-sync -D data >log 2>&1
$as $bin/postgres -D data -p 5433 -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off >>log 2>&1 & p=$!
up 5433
export PGHOST=127.0.0.1 PGPORT=5433 PGUSER=me PGDATABASE=postgres
until_ok psql -c 'select 1'
psql -qAt -c 'create table t (a int, b text)' -c "insert into t select i, repeat('x', i) from generate_series(1, 3000) i" -c 'select count(*), sum(length(b)) from t'
psql -qAt -c 'select b from t where a = 2999' | wc -c
$bin/pgbench -q -i -s 1 >>log 2>&1
$bin/pgbench -c 8 -j 2 -t 50 -n 2>>log | grep -E 'actually processed|failed'
psql -qAt -c 'select count(*) from pgbench_history' -c 'select client_addr from pg_stat_activity where pid = pg_backend_pid()'
psql -qAt -c 'listen news' -c "notify news, 'hello'" | sed 's/ received from.*//'
kill -INT $p
wait $p
