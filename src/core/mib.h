/* Counters of a namespace, as /proc/net/snmp, netstat and nstat name them: MIB_Ip_InReceives and so on. One u64 per cpu. */
#ifndef CORE_MIB_H
#define CORE_MIB_H

/* In the order in which /proc/net/snmp and /proc/net/netstat print them (Linux 6.18). Groups print as "Group: name …". */
#define MIB_IP(X)                                                                                                      \
	X(Ip, InReceives) X(Ip, InHdrErrors) X(Ip, InAddrErrors) X(Ip, ForwDatagrams) X(Ip, InUnknownProtos)           \
	X(Ip, InDiscards) X(Ip, InDelivers) X(Ip, OutRequests) X(Ip, OutDiscards) X(Ip, OutNoRoutes)                   \
	X(Ip, ReasmTimeout) X(Ip, ReasmReqds) X(Ip, ReasmOKs) X(Ip, ReasmFails) X(Ip, FragOKs) X(Ip, FragFails)        \
	X(Ip, FragCreates) X(Ip, OutTransmits)
#define MIB_ICMP(X)                                                                                                    \
	X(Icmp, InMsgs) X(Icmp, InErrors) X(Icmp, InCsumErrors) X(Icmp, OutMsgs) X(Icmp, OutErrors)                    \
	X(Icmp, OutRateLimitGlobal) X(Icmp, OutRateLimitHost)
#define MIB_TCP(X)                                                                                                     \
	X(Tcp, ActiveOpens) X(Tcp, PassiveOpens) X(Tcp, AttemptFails) X(Tcp, EstabResets) X(Tcp, CurrEstab)            \
	X(Tcp, InSegs) X(Tcp, OutSegs) X(Tcp, RetransSegs) X(Tcp, InErrs) X(Tcp, OutRsts) X(Tcp, InCsumErrors)
#define MIB_UDP(X)                                                                                                     \
	X(Udp, InDatagrams) X(Udp, NoPorts) X(Udp, InErrors) X(Udp, OutDatagrams) X(Udp, RcvbufErrors)                 \
	X(Udp, SndbufErrors) X(Udp, InCsumErrors) X(Udp, IgnoredMulti) X(Udp, MemErrors)
#define MIB_TCPEXT(X)                                                                                                  \
	X(TcpExt, SyncookiesSent) X(TcpExt, SyncookiesRecv) X(TcpExt, SyncookiesFailed) X(TcpExt, EmbryonicRsts)       \
	X(TcpExt, PruneCalled) X(TcpExt, RcvPruned) X(TcpExt, OfoPruned) X(TcpExt, OutOfWindowIcmps)                   \
	X(TcpExt, LockDroppedIcmps) X(TcpExt, ArpFilter) X(TcpExt, TW) X(TcpExt, TWRecycled) X(TcpExt, TWKilled)       \
	X(TcpExt, PAWSActive) X(TcpExt, PAWSEstab) X(TcpExt, BeyondWindow) X(TcpExt, TSEcrRejected)                    \
	X(TcpExt, PAWSOldAck) X(TcpExt, PAWSTimewait) X(TcpExt, DelayedACKs) X(TcpExt, DelayedACKLocked)               \
	X(TcpExt, DelayedACKLost) X(TcpExt, ListenOverflows) X(TcpExt, ListenDrops) X(TcpExt, TCPHPHits)               \
	X(TcpExt, TCPPureAcks) X(TcpExt, TCPHPAcks) X(TcpExt, TCPRenoRecovery) X(TcpExt, TCPSackRecovery)              \
	X(TcpExt, TCPSACKReneging) X(TcpExt, TCPSACKReorder) X(TcpExt, TCPRenoReorder) X(TcpExt, TCPTSReorder)         \
	X(TcpExt, TCPFullUndo) X(TcpExt, TCPPartialUndo) X(TcpExt, TCPDSACKUndo) X(TcpExt, TCPLossUndo)                \
	X(TcpExt, TCPLostRetransmit) X(TcpExt, TCPRenoFailures) X(TcpExt, TCPSackFailures) X(TcpExt, TCPLossFailures)  \
	X(TcpExt, TCPFastRetrans) X(TcpExt, TCPSlowStartRetrans) X(TcpExt, TCPTimeouts) X(TcpExt, TCPLossProbes)       \
	X(TcpExt, TCPLossProbeRecovery) X(TcpExt, TCPRenoRecoveryFail) X(TcpExt, TCPSackRecoveryFail)                  \
	X(TcpExt, TCPRcvCollapsed) X(TcpExt, TCPBacklogCoalesce) X(TcpExt, TCPDSACKOldSent)                            \
	X(TcpExt, TCPDSACKOfoSent) X(TcpExt, TCPDSACKRecv) X(TcpExt, TCPDSACKOfoRecv) X(TcpExt, TCPAbortOnData)        \
	X(TcpExt, TCPAbortOnClose) X(TcpExt, TCPAbortOnMemory) X(TcpExt, TCPAbortOnTimeout)                            \
	X(TcpExt, TCPAbortOnLinger) X(TcpExt, TCPAbortFailed) X(TcpExt, TCPMemoryPressures)                            \
	X(TcpExt, TCPMemoryPressuresChrono) X(TcpExt, TCPSACKDiscard) X(TcpExt, TCPDSACKIgnoredOld)                    \
	X(TcpExt, TCPDSACKIgnoredNoUndo) X(TcpExt, TCPSpuriousRTOs) X(TcpExt, TCPMD5NotFound)                          \
	X(TcpExt, TCPMD5Unexpected) X(TcpExt, TCPMD5Failure) X(TcpExt, TCPSackShifted) X(TcpExt, TCPSackMerged)        \
	X(TcpExt, TCPSackShiftFallback) X(TcpExt, TCPBacklogDrop) X(TcpExt, PFMemallocDrop) X(TcpExt, TCPMinTTLDrop)   \
	X(TcpExt, TCPDeferAcceptDrop) X(TcpExt, IPReversePathFilter) X(TcpExt, TCPTimeWaitOverflow)                    \
	X(TcpExt, TCPReqQFullDoCookies) X(TcpExt, TCPReqQFullDrop) X(TcpExt, TCPRetransFail)                           \
	X(TcpExt, TCPRcvCoalesce) X(TcpExt, TCPOFOQueue) X(TcpExt, TCPOFODrop) X(TcpExt, TCPOFOMerge)                  \
	X(TcpExt, TCPChallengeACK) X(TcpExt, TCPSYNChallenge) X(TcpExt, TCPFastOpenActive)                             \
	X(TcpExt, TCPFastOpenActiveFail) X(TcpExt, TCPFastOpenPassive) X(TcpExt, TCPFastOpenPassiveFail)               \
	X(TcpExt, TCPFastOpenListenOverflow) X(TcpExt, TCPFastOpenCookieReqd) X(TcpExt, TCPFastOpenBlackhole)          \
	X(TcpExt, TCPSpuriousRtxHostQueues) X(TcpExt, BusyPollRxPackets) X(TcpExt, TCPAutoCorking)                     \
	X(TcpExt, TCPFromZeroWindowAdv) X(TcpExt, TCPToZeroWindowAdv) X(TcpExt, TCPWantZeroWindowAdv)                  \
	X(TcpExt, TCPSynRetrans) X(TcpExt, TCPOrigDataSent) X(TcpExt, TCPHystartTrainDetect)                           \
	X(TcpExt, TCPHystartTrainCwnd) X(TcpExt, TCPHystartDelayDetect) X(TcpExt, TCPHystartDelayCwnd)                 \
	X(TcpExt, TCPACKSkippedSynRecv) X(TcpExt, TCPACKSkippedPAWS) X(TcpExt, TCPACKSkippedSeq)                       \
	X(TcpExt, TCPACKSkippedFinWait2) X(TcpExt, TCPACKSkippedTimeWait) X(TcpExt, TCPACKSkippedChallenge)            \
	X(TcpExt, TCPWinProbe) X(TcpExt, TCPKeepAlive) X(TcpExt, TCPMTUPFail) X(TcpExt, TCPMTUPSuccess)                \
	X(TcpExt, TCPDelivered) X(TcpExt, TCPDeliveredCE) X(TcpExt, TCPAckCompressed) X(TcpExt, TCPZeroWindowDrop)     \
	X(TcpExt, TCPRcvQDrop) X(TcpExt, TCPWqueueTooBig) X(TcpExt, TCPFastOpenPassiveAltKey)                          \
	X(TcpExt, TcpTimeoutRehash) X(TcpExt, TcpDuplicateDataRehash) X(TcpExt, TCPDSACKRecvSegs)                      \
	X(TcpExt, TCPDSACKIgnoredDubious) X(TcpExt, TCPMigrateReqSuccess) X(TcpExt, TCPMigrateReqFailure)              \
	X(TcpExt, TCPPLBRehash) X(TcpExt, TCPAORequired) X(TcpExt, TCPAOBad) X(TcpExt, TCPAOKeyNotFound)               \
	X(TcpExt, TCPAOGood) X(TcpExt, TCPAODroppedIcmps)
#define MIB_IPEXT(X)                                                                                                   \
	X(IpExt, InNoRoutes) X(IpExt, InTruncatedPkts) X(IpExt, InMcastPkts) X(IpExt, OutMcastPkts)                    \
	X(IpExt, InBcastPkts) X(IpExt, OutBcastPkts) X(IpExt, InOctets) X(IpExt, OutOctets) X(IpExt, InMcastOctets)    \
	X(IpExt, OutMcastOctets) X(IpExt, InBcastOctets) X(IpExt, OutBcastOctets) X(IpExt, InCsumErrors)               \
	X(IpExt, InNoECTPkts) X(IpExt, InECT1Pkts) X(IpExt, InECT0Pkts) X(IpExt, InCEPkts) X(IpExt, ReasmOverlaps)
/* /proc/net/snmp6; the first two groups are counted by device as well. */
#define MIB_IP6(X)                                                                                                     \
	X(Ip6, InReceives) X(Ip6, InHdrErrors) X(Ip6, InTooBigErrors) X(Ip6, InNoRoutes) X(Ip6, InAddrErrors)          \
	X(Ip6, InUnknownProtos) X(Ip6, InTruncatedPkts) X(Ip6, InDiscards) X(Ip6, InDelivers) X(Ip6, OutForwDatagrams) \
	X(Ip6, OutRequests) X(Ip6, OutDiscards) X(Ip6, OutNoRoutes) X(Ip6, ReasmTimeout) X(Ip6, ReasmReqds)            \
	X(Ip6, ReasmOKs) X(Ip6, ReasmFails) X(Ip6, FragOKs) X(Ip6, FragFails) X(Ip6, FragCreates) X(Ip6, InMcastPkts)  \
	X(Ip6, OutMcastPkts) X(Ip6, InOctets) X(Ip6, OutOctets) X(Ip6, InMcastOctets) X(Ip6, OutMcastOctets)           \
	X(Ip6, InBcastOctets) X(Ip6, OutBcastOctets) X(Ip6, InNoECTPkts) X(Ip6, InECT1Pkts) X(Ip6, InECT0Pkts)         \
	X(Ip6, InCEPkts) X(Ip6, OutTransmits)
#define MIB_ICMP6(X)                                                                                                   \
	X(Icmp6, InMsgs) X(Icmp6, InErrors) X(Icmp6, OutMsgs) X(Icmp6, OutErrors) X(Icmp6, InCsumErrors)               \
	X(Icmp6, OutRateLimitHost)
/* As MIB_UDP: a counter of IPv6 is MIB_Udp6_InDatagrams - MIB_Udp_InDatagrams behind its IPv4 twin. */
#define MIB_UDP6(X)                                                                                                    \
	X(Udp6, InDatagrams) X(Udp6, NoPorts) X(Udp6, InErrors) X(Udp6, OutDatagrams) X(Udp6, RcvbufErrors)            \
	X(Udp6, SndbufErrors) X(Udp6, InCsumErrors) X(Udp6, IgnoredMulti) X(Udp6, MemErrors)
#define MIB_ALL(X) MIB_IP(X) MIB_ICMP(X) MIB_TCP(X) MIB_UDP(X) MIB_TCPEXT(X) MIB_IPEXT(X) MIB_UDP6(X) MIB_IP6(X) MIB_ICMP6(X)

enum mib {
#define X(group, name) MIB_##group##_##name,
	MIB_ALL(X)
#undef X
	MIB_Icmp6Msg_InType0,				/* InType0..255, then OutType0..255 */
	MIB_Icmp6Msg_OutType0 = MIB_Icmp6Msg_InType0 + 256,
	MIB_IcmpMsg_InType0 = MIB_Icmp6Msg_OutType0 + 256,
	MIB_IcmpMsg_OutType0 = MIB_IcmpMsg_InType0 + 256,
	MIB_MAX = MIB_IcmpMsg_OutType0 + 256,
	/* what is counted by device: MIB_Ip6_InReceives and so many behind it */
	MIB_DEV6_FIRST = MIB_Ip6_InReceives,
	MIB_DEV6_COUNT = MIB_IcmpMsg_InType0 - MIB_DEV6_FIRST
};

#endif
