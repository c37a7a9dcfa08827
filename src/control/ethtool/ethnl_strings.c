/* Names that belong to numbers, as the kernel's string sets have them (6.18): programs show them, and bits may be named by them.
 * Features are named in link/dev_features.c; sets that a device has of its own (counters) come from it.
 */
#include "control/ethtool/ethnl.h"

static const char *const rss_hash_funcs[] = {
	"toeplitz", "xor", "crc32",
};
static const char *const tunables[] = {
	"Unspec", "rx-copybreak", "tx-copybreak", "pfc-prevention-tout", "tx-copybreak-buf-size",
};
static const char *const phy_tunables[] = {
	"Unspec", "phy-downshift", "phy-fast-link-down", "phy-energy-detect-power-down",
};
static const char *const link_modes[] = {
	"10baseT/Half", "10baseT/Full", "100baseT/Half", "100baseT/Full", "1000baseT/Half", "1000baseT/Full", "Autoneg", "TP", "AUI",
	"MII", "FIBRE", "BNC", "10000baseT/Full", "Pause", "Asym_Pause", "2500baseX/Full", "Backplane", "1000baseKX/Full",
	"10000baseKX4/Full", "10000baseKR/Full", "10000baseR_FEC", "20000baseMLD2/Full", "20000baseKR2/Full", "40000baseKR4/Full",
	"40000baseCR4/Full", "40000baseSR4/Full", "40000baseLR4/Full", "56000baseKR4/Full", "56000baseCR4/Full", "56000baseSR4/Full",
	"56000baseLR4/Full", "25000baseCR/Full", "25000baseKR/Full", "25000baseSR/Full", "50000baseCR2/Full", "50000baseKR2/Full",
	"100000baseKR4/Full", "100000baseSR4/Full", "100000baseCR4/Full", "100000baseLR4_ER4/Full", "50000baseSR2/Full",
	"1000baseX/Full", "10000baseCR/Full", "10000baseSR/Full", "10000baseLR/Full", "10000baseLRM/Full", "10000baseER/Full",
	"2500baseT/Full", "5000baseT/Full", "None", "RS", "BASER", "50000baseKR/Full", "50000baseSR/Full", "50000baseCR/Full",
	"50000baseLR_ER_FR/Full", "50000baseDR/Full", "100000baseKR2/Full", "100000baseSR2/Full", "100000baseCR2/Full",
	"100000baseLR2_ER2_FR2/Full", "100000baseDR2/Full", "200000baseKR4/Full", "200000baseSR4/Full", "200000baseLR4_ER4_FR4/Full",
	"200000baseDR4/Full", "200000baseCR4/Full", "100baseT1/Full", "1000baseT1/Full", "400000baseKR8/Full", "400000baseSR8/Full",
	"400000baseLR8_ER8_FR8/Full", "400000baseDR8/Full", "400000baseCR8/Full", "LLRS", "100000baseKR/Full", "100000baseSR/Full",
	"100000baseLR_ER_FR/Full", "100000baseCR/Full", "100000baseDR/Full", "200000baseKR2/Full", "200000baseSR2/Full",
	"200000baseLR2_ER2_FR2/Full", "200000baseDR2/Full", "200000baseCR2/Full", "400000baseKR4/Full", "400000baseSR4/Full",
	"400000baseLR4_ER4_FR4/Full", "400000baseDR4/Full", "400000baseCR4/Full", "100baseFX/Half", "100baseFX/Full", "10baseT1L/Full",
	"800000baseCR8/Full", "800000baseKR8/Full", "800000baseDR8/Full", "800000baseDR8_2/Full", "800000baseSR8/Full",
	"800000baseVR8/Full", "10baseT1S/Full", "10baseT1S/Half", "10baseT1S_P2MP/Half", "10baseT1BRR/Full", "200000baseCR/Full",
	"200000baseKR/Full", "200000baseDR/Full", "200000baseDR_2/Full", "200000baseSR/Full", "200000baseVR/Full", "400000baseCR2/Full",
	"400000baseKR2/Full", "400000baseDR2/Full", "400000baseDR2_2/Full", "400000baseSR2/Full", "400000baseVR2/Full",
	"800000baseCR4/Full", "800000baseKR4/Full", "800000baseDR4/Full", "800000baseDR4_2/Full", "800000baseSR4/Full",
	"800000baseVR4/Full",
};
static const char *const msg_classes[] = {
	"drv", "probe", "link", "timer", "ifdown", "ifup", "rx_err", "tx_err", "tx_queued", "intr", "tx_done", "rx_status", "pktdata",
	"hw", "wol",
};
static const char *const wol_modes[] = {
	"phy", "ucast", "mcast", "bcast", "arp", "magic", "magicsecure", "filter",
};
static const char *const sof_timestamping[] = {
	"hardware-transmit", "software-transmit", "hardware-receive", "software-receive", "software-system-clock",
	"hardware-legacy-clock", "hardware-raw-clock", "option-id", "sched-transmit", "ack-transmit", "option-cmsg", "option-tsonly",
	"option-stats", "option-pktinfo", "option-tx-swhw", "bind-phc", "option-id-tcp", "option-rx-filter", "tx-completion",
};
static const char *const ts_tx_types[] = {
	"off", "on", "onestep-sync", "onestep-p2p",
};
static const char *const ts_rx_filters[] = {
	"none", "all", "some", "ptpv1-l4-event", "ptpv1-l4-sync", "ptpv1-l4-delay-req", "ptpv2-l4-event", "ptpv2-l4-sync",
	"ptpv2-l4-delay-req", "ptpv2-l2-event", "ptpv2-l2-sync", "ptpv2-l2-delay-req", "ptpv2-event", "ptpv2-sync", "ptpv2-delay-req",
	"ntp-all",
};
static const char *const udp_tunnel_types[] = {
	"vxlan", "geneve", "vxlan-gpe",
};
static const char *const stats_std[] = {
	"eth-phy", "eth-mac", "eth-ctrl", "rmon", "phydev",
};
static const char *const stats_eth_phy[] = {
	"SymbolErrorDuringCarrier",
};
static const char *const stats_eth_mac[] = {
	"FramesTransmittedOK", "SingleCollisionFrames", "MultipleCollisionFrames", "FramesReceivedOK", "FrameCheckSequenceErrors",
	"AlignmentErrors", "OctetsTransmittedOK", "FramesWithDeferredXmissions", "LateCollisions", "FramesAbortedDueToXSColls",
	"FramesLostDueToIntMACXmitError", "CarrierSenseErrors", "OctetsReceivedOK", "FramesLostDueToIntMACRcvError",
	"MulticastFramesXmittedOK", "BroadcastFramesXmittedOK", "FramesWithExcessiveDeferral", "MulticastFramesReceivedOK",
	"BroadcastFramesReceivedOK", "InRangeLengthErrors", "OutOfRangeLengthField", "FrameTooLongErrors",
};
static const char *const stats_eth_ctrl[] = {
	"MACControlFramesTransmitted", "MACControlFramesReceived", "UnsupportedOpcodesReceived",
};
static const char *const stats_rmon[] = {
	"etherStatsUndersizePkts", "etherStatsOversizePkts", "etherStatsFragments", "etherStatsJabbers",
};
static const char *const stats_phy[] = {
	"RxFrames", "RxOctets", "RxErrors", "TxFrames", "TxOctets", "TxErrors",
};
static const char *const ts_flags[] = {
	"bonded-phc-index",
};

static const struct {
	const char *const *name;
	unsigned n;
} sets[ETHNL_SETS] = {
#define SET(number, table) [number] = { table, ARRAY_SIZE(table) }
	SET(ETH_SS_RSS_HASH_FUNCS, rss_hash_funcs),
	SET(ETH_SS_TUNABLES, tunables),
	SET(ETH_SS_PHY_TUNABLES, phy_tunables),
	SET(ETH_SS_LINK_MODES, link_modes),
	SET(ETH_SS_MSG_CLASSES, msg_classes),
	SET(ETH_SS_WOL_MODES, wol_modes),
	SET(ETH_SS_SOF_TIMESTAMPING, sof_timestamping),
	SET(ETH_SS_TS_TX_TYPES, ts_tx_types),
	SET(ETH_SS_TS_RX_FILTERS, ts_rx_filters),
	SET(ETH_SS_UDP_TUNNEL_TYPES, udp_tunnel_types),
	SET(ETH_SS_STATS_STD, stats_std),
	SET(ETH_SS_STATS_ETH_PHY, stats_eth_phy),
	SET(ETH_SS_STATS_ETH_MAC, stats_eth_mac),
	SET(ETH_SS_STATS_ETH_CTRL, stats_eth_ctrl),
	SET(ETH_SS_STATS_RMON, stats_rmon),
	SET(ETHNL_SS_STATS_PHY, stats_phy),
	SET(ETHNL_SS_TS_FLAGS, ts_flags),
#undef SET
};

unsigned ethnl_string_count(unsigned set)
{
	return set == ETH_SS_FEATURES ? NETDEV_FEATURES : set < ETHNL_SETS ? sets[set].n : 0;
}

const char *ethnl_string(unsigned set, unsigned i)
{
	const char *name;

	if (set != ETH_SS_FEATURES)
		return sets[set].name[i];
	name = netdev_feature_name(i);
	return name ? name : "";
}
