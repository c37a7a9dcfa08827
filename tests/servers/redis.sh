# needs: redis-server redis-cli redis-benchmark
redis-server --port 6379 --save '' --appendonly no --dir . >log 2>&1 &
up 6379
redis-cli set key value
redis-cli --raw eval 'for i = 1, 1000 do redis.call("rpush", "l", string.rep("x", i)) end return redis.call("llen", "l")' 0
redis-cli --raw lrange l 999 999 | wc -c
redis-benchmark -q -n 2000 -c 20 -P 4 -t set,get,lpush >bench; tr '\r' '\n' <bench | grep -c 'requests per second'
redis-cli --raw subscribe news > said & s=$!
for i in $(seq 300); do [ "$(redis-cli --raw publish news hello)" = 1 ] && break; sleep 0.05; done
for i in $(seq 300); do grep -q hello said && break; sleep 0.05; done
kill $s; tail -1 said
redis-cli shutdown nosave || true
wait
