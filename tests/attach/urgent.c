/* Urgent data: MSG_OOB, POLLPRI, SIOCATMARK, SO_OOBINLINE. */
#include "t.h"

int main(void)
{
	char b[32];
	int c, s, mark;

	tcp_pair(&c, &s);
	TRY("send", send(c, "abc", 3, 0));
	TRY("send urgent", send(c, "de!", 3, MSG_OOB));
	TRY("send more", send(c, "fgh", 3, 0));
	SAY("poll:%s\n", bits(wait_bits(s, POLLIN | POLLPRI)));
	usleep(50000);
	TRY("urgent byte", recv(s, b, 1, MSG_OOB));
	SAY("it is %c\n", b[0]);
	memset(b, 0, sizeof(b));
	TRY("up to the mark", read(s, b, sizeof(b)));
	SAY("%s\n", b);
	MUST(ioctl(s, SIOCATMARK, &mark));
	SAY("at mark %d\n", mark);
	memset(b, 0, sizeof(b));
	TRY("behind it", read(s, b, sizeof(b)));
	SAY("%s\n", b);
	TRY("no urgent byte left", recv(s, b, 1, MSG_OOB));
	TRY("send", send(c, "x", 1, 0));
	SAY("poll:%s\n", bits(wait_bits(s, POLLIN)));
	TRY("read", read(s, b, sizeof(b)));
	return 0;
}
