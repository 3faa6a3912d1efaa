/*
 * etype.h -- the ethertypes that weir looks behind (IEEE 802 numbers).
 */
#ifndef WEIR_PACKET_ETYPE_H
#define WEIR_PACKET_ETYPE_H

enum {
	ETYPE_LENGTH_MAX = 1500, /* up to here the field is a length, IEEE 802.3 3.2.6 */
	ETYPE_IPV4 = 0x0800,
	ETYPE_ARP = 0x0806,
	ETYPE_ERSPAN3 = 0x22eb,
	ETYPE_TEB = 0x6558, /* transparent Ethernet bridging: a frame */
	ETYPE_VLAN = 0x8100,
	ETYPE_IPV6 = 0x86dd,
	ETYPE_PPP = 0x880b,
	ETYPE_MPLS = 0x8847,
	ETYPE_MPLS_MULTICAST = 0x8848,
	ETYPE_PPPOE = 0x8864,
	ETYPE_SERVICE_VLAN = 0x88a8,
	ETYPE_ERSPAN2 = 0x88be,
	ETYPE_OLD_QINQ = 0x9100
};

#endif
