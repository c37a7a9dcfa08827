# needs: node curl
cat >s.js <<'J'
const http = require('http'), net = require('net'), crypto = require('crypto'), cluster = require('cluster')
if (cluster.isPrimary) {
	for (let i = 0; i < 2; i++) cluster.fork()
	cluster.on('listening', () => {})
	process.on('SIGTERM', () => { for (const id in cluster.workers) cluster.workers[id].kill(); process.exit(0) })
} else {
	http.createServer((q, r) => {
		const h = crypto.createHash('sha256')
		q.on('data', d => h.update(d)).on('end', () => r.end(q.method + ' ' + h.digest('hex') + '\n'))
	}).listen(8000, '127.0.0.1')
}
J
node s.js & s=$!
up 8000
head -c 5000000 /dev/zero >zeros
curl -s -T zeros http://127.0.0.1:8000/
cat >c.js <<'J'
const http = require('http'), net = require('net'), dgram = require('dgram')
const agent = new http.Agent({ keepAlive: true, maxSockets: 10 })
let done = 0, bad = 0
for (let i = 0; i < 200; i++)
	http.get({ port: 8000, host: '127.0.0.1', agent }, r => {
		r.on('data', () => {}).on('end', () => { if (++done == 200) { console.log('answers', done, 'bad', bad); agent.destroy(); next() } })
	}).on('error', () => bad++)
function next() {
	net.connect(1, '127.0.0.1').on('error', e => {
		console.log(e.code)
		const u = dgram.createSocket('udp4')
		u.bind(0, '127.0.0.1', () => u.send('x', u.address().port, '127.0.0.1')).on('message', m => { console.log('datagram', m.toString()); u.close(); v6() })
	})
}
function v6() {
	const s = net.createServer(c => c.end(c.remoteAddress)).listen(0, '::1', () =>
		net.connect(s.address().port, '::1').on('data', d => console.log(d.toString())).on('close', () => s.close()))
}
J
node c.js
kill $s
wait $s || true
