/* Features: what a device can do (hw_features: may be switched), what is asked for (wanted_features), what holds (features).
 *
 * What is asked for passes rules that hold for every device (no TSO without checksums, no GSO without scatter-gather, as
 * ethtool(8) reports "[not requested]"), then the driver's own, and takes effect at once. GSO and GRO are software, so every device
 * has them. Names are those of the kernel's ethtool string set, by bit.
 */
#include "link/dev_internal.h"

static const char *const names[NETDEV_FEATURES] = {
	[0] = "tx-scatter-gather", [1] = "tx-checksum-ipv4", [3] = "tx-checksum-ip-generic", [4] = "tx-checksum-ipv6",
	[5] = "highdma", [6] = "tx-scatter-gather-fraglist", [7] = "tx-vlan-hw-insert", [8] = "rx-vlan-hw-parse",
	[9] = "rx-vlan-filter", [10] = "vlan-challenged", [11] = "tx-generic-segmentation", [14] = "rx-gro", [15] = "rx-lro",
	[16] = "tx-tcp-segmentation", [17] = "tx-gso-robust", [18] = "tx-tcp-ecn-segmentation",
	[19] = "tx-tcp-mangleid-segmentation", [20] = "tx-tcp6-segmentation", [21] = "tx-fcoe-segmentation",
	[22] = "tx-gre-segmentation", [23] = "tx-gre-csum-segmentation", [24] = "tx-ipxip4-segmentation",
	[25] = "tx-ipxip6-segmentation", [26] = "tx-udp_tnl-segmentation", [27] = "tx-udp_tnl-csum-segmentation",
	[28] = "tx-gso-partial", [29] = "tx-tunnel-remcsum-segmentation", [30] = "tx-sctp-segmentation",
	[31] = "tx-esp-segmentation", [33] = "tx-udp-segmentation", [34] = "tx-gso-list", [35] = "tx-tcp-accecn-segmentation",
	[36] = "tx-checksum-fcoe-crc", [37] = "tx-checksum-sctp", [38] = "rx-ntuple-filter", [39] = "rx-hashing",
	[40] = "rx-checksum", [41] = "tx-nocache-copy", [42] = "loopback", [43] = "rx-fcs", [44] = "rx-all",
	[45] = "tx-vlan-stag-hw-insert", [46] = "rx-vlan-stag-hw-parse", [47] = "rx-vlan-stag-filter", [48] = "l2-fwd-offload",
	[49] = "hw-tc-offload", [50] = "esp-hw-offload", [51] = "esp-tx-csum-hw-offload", [52] = "rx-udp_tunnel-port-offload",
	[53] = "tls-hw-tx-offload", [54] = "tls-hw-rx-offload", [55] = "rx-gro-hw", [56] = "tls-hw-record", [57] = "rx-gro-list",
	[58] = "macsec-hw-offload", [59] = "rx-udp-gro-forwarding", [60] = "hsr-tag-ins-offload", [61] = "hsr-tag-rm-offload",
	[62] = "hsr-fwd-offload", [63] = "hsr-dup-offload",
};

const char *netdev_feature_name(unsigned bit) { return bit < NETDEV_FEATURES ? names[bit] : NULL; }

/* Rules that hold for every device. */
static u64 fix(u64 f)
{
	if (!(f & NETIF_F_CSUM_MASK))
		f &= ~(u64)(NETIF_F_ALL_TSO | NETIF_F_GSO_UDP_L4);
	if (f & NETIF_F_HW_CSUM)
		f &= ~(u64)(NETIF_F_IP_CSUM | NETIF_F_IPV6_CSUM);
	if (!(f & NETIF_F_SG))
		f &= ~(u64)(NETIF_F_ALL_TSO | NETIF_F_GSO);
	if (!(f & (NETIF_F_HW_CSUM | NETIF_F_IP_CSUM)))
		f &= ~(u64)NETIF_F_TSO;
	if (!(f & (NETIF_F_HW_CSUM | NETIF_F_IPV6_CSUM)))
		f &= ~(u64)NETIF_F_TSO6;
	if (!(f & NETIF_F_TSO))
		f &= ~(u64)NETIF_F_TSO_ECN;
	return f;
}

/* Works out dev->features from what is asked for; tells when they changed. */
void dev_features_update(struct cpu *cpu, struct net_device *dev)
{
	u64 f, old = dev->features;
	if (!dev->registered) {
		dev->hw_features |= NETIF_F_GSO | NETIF_F_GRO;
		dev->wanted_features |= NETIF_F_GSO;
	}
	f = (old & ~dev->hw_features) | (dev->wanted_features & dev->hw_features);
	if (dev->ops->fix_features)
		f = dev->ops->fix_features(dev, f);
	f = fix(f);
	if (f == old)
		return;
	if (dev->ops->set_features && dev->ops->set_features(dev, f) < 0)
		return;
	dev->features = f;
	if (dev->registered)
		dev_tell(cpu, dev, EV_LINK_CHANGE, LINK_CHANGE_FEATURES);
}

int dev_set_features(struct cpu *cpu, struct net_device *dev, u64 wanted)
{
	dev->wanted_features = (dev->wanted_features & ~dev->hw_features) | (wanted & dev->hw_features);
	dev_features_update(cpu, dev);
	return 0;
}
