/**
 * What honest hosts ask without being asked: the default of `excusable` and `sisters` under [evidence]. Each entry makes a scan
 * cheaper (docs/threat-model.md has the price, test/settings/honest.test.ts computes it), so each has its reason and its source.
 * Ports by the names that IANA has for them (Service Name and Transport Protocol Port Number Registry).
 */

export interface Honest {
  /** One port, or ports that stand in for each other. */
  readonly ports: string
  /** Who asks, and why. */
  readonly why: string
  readonly source: string
}

/** What clients and systems ask of their gateway, resolver or neighbour, served or not. */
export const EXCUSABLE: readonly Honest[] = [
  {
    ports: 'udp/5351',
    why: 'NAT-PMP and PCP: phones, PCs and peer-to-peer programs ask their gateway for a port',
    source: 'RFC 6886 section 3.1, RFC 6887 section 19.1 (IANA: nat-pmp)',
  },
  {
    ports: 'udp/5350',
    why: 'the same protocols: what a gateway announces, also to single hosts',
    source: 'RFC 6886 section 3.2.1, RFC 6887 section 14.1 (IANA: nat-pmp-status)',
  },
  {
    ports: 'tcp/853',
    why: 'DNS over TLS: Android 9 and later, and systemd-resolved, try it with each resolver that DHCP names',
    source:
      'RFC 7858 section 3.1; Android "Private DNS: automatic"; DNSOverTLS=opportunistic in resolved.conf(5) (IANA: domain-s)',
  },
  {
    ports: 'udp/427',
    why: 'SLP: programs for printers, storage and virtual machines look for services',
    source: 'RFC 2608 section 6.1 (IANA: svrloc)',
  },
  {
    ports: 'tcp/113',
    why: 'ident: mail and IRC servers ask back who connects to them',
    source: 'RFC 1413; Timeout.ident in sendmail (IANA: ident)',
  },
  {
    ports: 'udp/9',
    why: 'wake-on-LAN, where the packet is not sent to everybody',
    source: 'etherwake, wakeonlan and the like send to discard (IANA: discard)',
  },
  {
    ports: 'udp/7',
    why: 'wake-on-LAN by other programs',
    source: 'the same, to echo (IANA: echo)',
  },
  {
    ports: 'tcp/7',
    why: 'Java programs ask whether a host is there (InetAddress.isReachable)',
    source: 'the documentation of InetAddress.isReachable in Java SE (IANA: echo)',
  },
]

/** Where one of these is served, clients try the others as well. */
export const SISTERS: readonly Honest[] = [
  {
    ports: 'tcp/80 tcp/443 udp/443',
    why: 'browsers try http:// or https:// first, and HTTP/3 where a site had it once',
    source: 'RFC 9110 section 4.2, RFC 9114 section 3.1, RFC 7838 (alternative services outlive a server)',
  },
  {
    ports: 'tcp/8080 tcp/8443',
    why: 'the same of the alternatives',
    source: 'IANA: http-alt, pcsync-https',
  },
  {
    ports: 'tcp/25 tcp/465 tcp/587',
    why: 'mail programs try the ways of submission one after the other',
    source: 'RFC 6409, RFC 8314; Thunderbird and Outlook guess where no configuration is published',
  },
  { ports: 'tcp/110 tcp/995', why: 'the same for POP', source: 'RFC 8314 section 7.2 (IANA: pop3, pop3s)' },
  {
    ports: 'tcp/143 tcp/993',
    why: 'the same for IMAP',
    source: 'RFC 8314 section 7.1 (IANA: imap, imaps)',
  },
  { ports: 'tcp/21 tcp/990', why: 'FTP with and without TLS', source: 'RFC 4217 (IANA: ftp, ftps)' },
  {
    ports: 'tcp/53 udp/53 tcp/853 udp/853',
    why: 'resolvers ask again by TCP, and try encrypted DNS with name servers',
    source: 'RFC 7766 section 5, RFC 9539 section 4 (IANA: domain, domain-s)',
  },
  {
    ports: 'tcp/5060 udp/5060 tcp/5061',
    why: 'telephones try SIP by UDP, TCP and TLS',
    source: 'RFC 3261 section 18, RFC 3263 section 4.1 (IANA: sip, sips)',
  },
  {
    ports: 'tcp/1883 tcp/8883',
    why: 'MQTT with and without TLS',
    source: 'OASIS MQTT 5.0 section 4.2 (IANA: mqtt, secure-mqtt)',
  },
  {
    ports: 'tcp/3478 udp/3478 tcp/5349 udp/5349',
    why: 'browsers try a TURN server by UDP, TCP and TLS at once',
    source: 'RFC 8656 section 3.1 (IANA: turn, turns)',
  },
  {
    ports: 'tcp/389 tcp/636',
    why: 'LDAP with and without TLS',
    source: 'RFC 4513 (IANA: ldap, ldaps)',
  },
  {
    ports: 'tcp/139 tcp/445',
    why: 'clients of file servers try SMB with and without NetBIOS',
    source: 'MS-SMB section 2.1 (IANA: netbios-ssn, microsoft-ds)',
  },
  {
    ports: 'tcp/2049 tcp/111 udp/111',
    why: 'mount asks the port mapper where NFS version 4 is refused, and umount does',
    source: 'nfs(5), RFC 1833 (IANA: nfs, sunrpc)',
  },
  {
    ports: 'tcp/1194 udp/1194',
    why: 'OpenVPN clients with several remotes',
    source: '--remote in openvpn(8) (IANA: openvpn)',
  },
]
