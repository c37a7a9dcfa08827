# needs: java
cat >S.java <<'J'
import com.sun.net.httpserver.*;
import java.io.*;
import java.net.*;
import java.net.http.*;
import java.nio.*;
import java.nio.channels.*;
import java.util.concurrent.*;
class S {
	public static void main(String[] a) throws Exception {
		HttpServer s = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
		s.createContext("/", x -> { byte[] b = x.getRequestBody().readAllBytes(); x.sendResponseHeaders(200, b.length); x.getResponseBody().write(b); x.close(); });
		s.setExecutor(Executors.newFixedThreadPool(4));
		s.start();
		HttpClient c = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
		URI u = URI.create("http://127.0.0.1:" + s.getAddress().getPort() + "/");
		byte[] body = new byte[300000];
		CompletableFuture<?>[] all = new CompletableFuture<?>[40];
		for (int i = 0; i < all.length; i++)
			all[i] = c.sendAsync(HttpRequest.newBuilder(u).POST(HttpRequest.BodyPublishers.ofByteArray(body)).build(), HttpResponse.BodyHandlers.ofByteArray())
				.thenAccept(r -> { if (r.body().length != body.length) throw new RuntimeException("short"); });
		CompletableFuture.allOf(all).get();
		System.out.println("answers " + all.length);
		s.stop(0);
		try { new Socket("127.0.0.1", 1); } catch (ConnectException e) { System.out.println(e.getMessage()); }
		ServerSocket l = new ServerSocket(0);
		l.setSoTimeout(50);
		try { l.accept(); } catch (SocketTimeoutException e) { System.out.println(e.getMessage()); }
		try (Selector sel = Selector.open(); SocketChannel n = SocketChannel.open()) {
			n.configureBlocking(false);
			n.register(sel, SelectionKey.OP_CONNECT);
			n.connect(new InetSocketAddress("127.0.0.1", l.getLocalPort()));
			sel.select();
			System.out.println("connected " + n.finishConnect());
			Socket p = l.accept();
			p.getOutputStream().write("late".getBytes());
			n.register(sel, SelectionKey.OP_READ);
			sel.selectedKeys().clear();
			sel.select();
			ByteBuffer b = ByteBuffer.allocate(10);
			System.out.println("read " + n.read(b));
			p.setSoLinger(true, 0);
			p.close();
			sel.selectedKeys().clear();
			sel.select();
			try { n.read(ByteBuffer.allocate(1)); } catch (IOException e) { System.out.println(e.getMessage()); }
		}
		DatagramSocket d = new DatagramSocket(0, InetAddress.getByName("127.0.0.1"));
		d.send(new DatagramPacket(new byte[3], 3, d.getLocalSocketAddress()));
		DatagramPacket got = new DatagramPacket(new byte[9], 9);
		d.receive(got);
		System.out.println("datagram " + got.getLength());
		System.out.println(NetworkInterface.getByName("lo").isUp() + " " + NetworkInterface.getByName("lo").getMTU());
		System.exit(0);
	}
}
J
java -XX:TieredStopAtLevel=1 S.java
