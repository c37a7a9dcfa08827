/* Two cpus in two threads, a veth pair and a pair of wired nics between them: frames go back and forth until each cpu has seen its
 * share. For the thread sanitizer, and for the count: nothing is lost or doubled on the way.
 */
#include <pthread.h>

#include "link/test_stack.h"
#include "link/type/mem_port.h"
#include "link/type/nic.h"
#include "link/type/veth.h"

enum { FRAMES = 40, TURNS = 500 };

static struct world *w;
static u64 seen[2], lost;

/* Turns a frame round, unless it has made its turns: its first byte behind the header counts. */
static void turn(struct cpu *cpu, struct netns *net, struct sk_buff **skbs, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct sk_buff *skb = skbs[i];
		u16 left;
		assert_ptr_equal(net->home, cpu);
		memcpy(&left, skb->data, 2);
		__atomic_fetch_add(&seen[cpu->id], 1, __ATOMIC_RELAXED);
		if (!left--) {
			skb_consume(cpu, skb);
			continue;
		}
		assert_true(skb_cow_head(cpu, skb, ETH_HDR_LEN));
		memcpy(skb->data, &left, 2);
		skb->dev->header_ops->create(cpu, skb, skb->dev, ETH_P_IP, skb_mac_header(skb) + 6, NULL);
		if (dev_queue_xmit(cpu, skb))
			__atomic_fetch_add(&lost, 1, __ATOMIC_RELAXED);
	}
}
static const struct l3_proto proto = { .ethertype = ETH_P_IP, .rx = turn };
static const struct l3_proto *const protos[] = { &proto, NULL };

static void *lane(void *arg)
{
	struct cpu *cpu = arg;
	u64 want = 2 * FRAMES * (TURNS + 1);
	while (__atomic_load_n(&seen[0], __ATOMIC_RELAXED) + __atomic_load_n(&seen[1], __ATOMIC_RELAXED) < want &&
	       !__atomic_load_n(&lost, __ATOMIC_RELAXED))
		cpu_run(cpu, cpu->now + NSEC_PER_USEC);
	cpu_run(cpu, cpu->now);
	return NULL;
}

static struct net_device *nic(struct netns *net, struct port **port)
{
	struct net_device *dev;
	assert_int_equal(mem_port_new(&w->mem, port), 0);
	assert_int_equal(nic_new(config_cpu(w), net, "eth0", *port, &(struct nic_config){ 0 }, &dev), 0);
	return dev;
}

static void test_cross(void **state)
{
	struct stack_tables tables = test_tables;
	struct net_device *va, *vb, *na, *nb;
	struct port *pa, *pb;
	pthread_t t[2];
	tables.l3_protos = protos;
	tables.event_subs = NULL;
	w = test_world(&tables, 2);
	struct cpu *cpu = config_cpu(w);
	struct netns *a = test_netns(w, "a", 0), *b = test_netns(w, "b", 1);
	assert_int_equal(veth_pair_new(cpu, a, "va", b, "vb", &va, &vb), 0);
	na = nic(a, &pa);
	nb = nic(b, &pb);
	mem_port_wire(pa, pb);
	struct net_device *all[] = { va, vb, na, nb };
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(dev_change_flags(cpu, all[i], all[i]->flags | IFF_UP, NULL), 0);
	for (unsigned i = 0; i < 2 * FRAMES; i++) {
		struct net_device *dev = i % 2 ? va : na;
		struct sk_buff *skb = test_frame(cpu, dev, i % 2 ? vb->dev_addr : nb->dev_addr, ETH_P_IP, 100);
		u16 turns = TURNS;
		memcpy(skb->data + ETH_HDR_LEN, &turns, 2);
		dev_queue_xmit(cpu, skb);
	}
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&t[i], NULL, lane, w->cpu[i]), 0);
	for (unsigned i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(lost, 0);
	assert_int_equal(seen[0] + seen[1], 2 * FRAMES * (TURNS + 1));
	netns_free(b);
	netns_free(a);
	world_run(w, cpu->now);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_cross) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
