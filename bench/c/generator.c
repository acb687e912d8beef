/*
 * Sends packets of many sources over one interface, as fast as it can or at a pace, and tells how long they took.
 *
 *   generator IFACE FROM-MAC TO-MAC DESTINATION [name=value]...
 *
 * To an IPv6 destination each source is a /64 of its own in 2001:db8::/32: the number of an IPv4 source is its second half. TCP only.
 *
 *   first=10.0.0.0   the first source; the others follow it by one
 *   sources=1        how many sources
 *   rounds=1         how often all of them send
 *   ports=9          what each source sends, in this order: destination ports, one packet each
 *   gap=0            microseconds between the packets of one source; 0 sends them in one system call
 *   rate=0           sources a second; 0 is flat out
 *   proto=tcp        tcp (a SYN), udp (eight bytes), icmp (an echo request), none (a frame that no protocol takes)
 *   sport=0          source port; 0 is another one for each source
 *   cpu=-1           the processor to stay on
 *   chunk=0          packets for which one time is taken; the median of those times is told
 *
 * Says {"sent", "began", "ended", "chunk_ns"}: times of CLOCK_MONOTONIC in ns, chunk_ns a packet.
 * The veth peer handles each packet before the system call returns: the time of sending is the time of handling.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64
#define FRAME 80
#define MOST_PORTS 16

static struct {
  uint32_t first, sources, rounds, gap, rate, sport, chunk, destination;
  struct in6_addr destination6;
  int six, protocol, cpu, port_count;
  uint16_t ports[MOST_PORTS];
  uint8_t header[14];
} plan = {.first = 0x0a000000, .sources = 1, .rounds = 1, .protocol = IPPROTO_TCP, .cpu = -1, .port_count = 1, .ports = {9}};

static uint8_t frames[BATCH][FRAME];
static struct iovec iov[BATCH];
static struct mmsghdr messages[BATCH];
static int fd;
static uint64_t sent;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000ull + time.tv_nsec;
}

static uint32_t sum(const uint8_t *bytes, int length, uint32_t start) {
  for (int i = 0; i < length; i += 2) start += bytes[i] << 8 | bytes[i + 1];
  return start;
}

static void put16(uint8_t *at, uint32_t value) {
  at[0] = value >> 8;
  at[1] = value;
}

static void put32(uint8_t *at, uint32_t value) {
  put16(at, value >> 16);
  put16(at + 2, value);
}

static void put_checksum(uint8_t *at, uint32_t total) {
  while (total >> 16) total = (total & 0xffff) + (total >> 16);
  put16(at, ~total & 0xffff);
}

/* A SYN; the pseudo header stands before it, summed already. */
static void write_syn(uint8_t *l4, uint32_t source, uint16_t sport, uint16_t port, uint32_t pseudo) {
  put16(l4, sport);
  put16(l4 + 2, port);
  put32(l4 + 4, source * 2654435761u);
  l4[12] = 0x50;
  l4[13] = 2;
  put16(l4 + 14, 64240);
  put_checksum(l4 + 16, sum(l4, 20, pseudo));
}

static int write_frame6(uint8_t *frame, uint32_t source, uint16_t sport, uint16_t port) {
  uint8_t *ip = frame + 14;
  memset(frame, 0, FRAME);
  memcpy(frame, plan.header, 14);
  ip[0] = 0x60;
  put16(ip + 4, 20);
  ip[6] = IPPROTO_TCP;
  ip[7] = 64;
  put32(ip + 8, 0x20010db8);
  put32(ip + 12, source);
  ip[23] = 1;
  memcpy(ip + 24, &plan.destination6, 16);
  write_syn(ip + 40, source, sport, port, sum(ip + 8, 32, IPPROTO_TCP + 20));
  return 74;
}

/* Writes one frame and returns its length. */
static int write_frame(uint8_t *frame, uint32_t source, uint16_t sport, uint16_t port) {
  uint8_t *ip = frame + 14, *l4 = ip + 20;
  int length = plan.protocol == IPPROTO_TCP ? 20 : plan.protocol == IPPROTO_UDP ? 16 : 8;
  memset(frame, 0, FRAME);
  memcpy(frame, plan.header, 14);
  ip[0] = 0x45;
  put16(ip + 2, 20 + length);
  ip[8] = 64;
  ip[9] = plan.protocol;
  put32(ip + 12, source);
  put32(ip + 16, plan.destination);
  put_checksum(ip + 10, sum(ip, 20, 0));
  uint32_t pseudo = sum(ip + 12, 8, plan.protocol + length);
  if (plan.protocol == IPPROTO_ICMP) {
    l4[0] = 8;
    put16(l4 + 4, sport);
    put_checksum(l4 + 2, sum(l4, length, 0));
    return 34 + length;
  }
  if (plan.protocol == IPPROTO_UDP) {
    put16(l4, sport);
    put16(l4 + 2, port);
    put16(l4 + 4, length);
    put_checksum(l4 + 6, sum(l4, length, pseudo));
    return 34 + length;
  }
  write_syn(l4, source, sport, port, pseudo);
  return 34 + length;
}

static void send_frames(int from, int count) {
  while (count > 0) {
    int n = sendmmsg(fd, messages + from, count, 0);
    if (n < 0) die("sendmmsg");
    from += n;
    count -= n;
    sent += n;
  }
}

static void wait_until(uint64_t time) {
  while (now() < time);
}

/* Not by spinning: others need the processor. Who wakes up late sends what is due at once. */
static void sleep_until(uint64_t time) {
  struct timespec due = {.tv_sec = time / 1000000000, .tv_nsec = time % 1000000000};
  if (now() < time) clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
}

static int by_size(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

static void read_plan(int argc, char **argv) {
  uint8_t mac[2][6];
  if (argc < 5) exit(64);
  for (int i = 0; i < 2; i++) {
    uint8_t *m = mac[i];
    if (sscanf(argv[2 + i], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", m, m + 1, m + 2, m + 3, m + 4, m + 5) != 6) exit(64);
  }
  memcpy(plan.header, mac[1], 6);
  memcpy(plan.header + 6, mac[0], 6);
  plan.six = inet_pton(AF_INET6, argv[4], &plan.destination6) == 1;
  plan.destination = plan.six ? 0 : ntohl(inet_addr(argv[4]));
  int ether = plan.six ? ETHERTYPE_IPV6 : ETHERTYPE_IP;
  for (int i = 5; i < argc; i++) {
    char *value = strchr(argv[i], '=');
    if (value == NULL) exit(64);
    *value++ = 0;
    const char *name = argv[i];
    if (!strcmp(name, "first")) plan.first = ntohl(inet_addr(value));
    else if (!strcmp(name, "sources")) plan.sources = atoi(value);
    else if (!strcmp(name, "rounds")) plan.rounds = atoi(value);
    else if (!strcmp(name, "gap")) plan.gap = atoi(value);
    else if (!strcmp(name, "rate")) plan.rate = atoi(value);
    else if (!strcmp(name, "sport")) plan.sport = atoi(value);
    else if (!strcmp(name, "chunk")) plan.chunk = atoi(value);
    else if (!strcmp(name, "cpu")) plan.cpu = atoi(value);
    else if (!strcmp(name, "proto")) {
      plan.protocol = *value == 'u' ? IPPROTO_UDP : *value == 'i' ? IPPROTO_ICMP : IPPROTO_TCP;
      if (*value == 'n') ether = 0x88b5; /* IEEE 802 local experimental */
    } else if (!strcmp(name, "ports")) {
      plan.port_count = 0;
      for (char *port = strtok(value, ","); port && plan.port_count < MOST_PORTS; port = strtok(NULL, ","))
        plan.ports[plan.port_count++] = atoi(port);
    } else exit(64);
  }
  put16(plan.header + 12, ether);
}

static void open_socket(const char *interface) {
  fd = socket(AF_PACKET, SOCK_RAW, 0);
  if (fd < 0) die("socket");
  struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_ifindex = if_nametoindex(interface)};
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) die("bind");
  int on = 1;
  if (setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on) < 0) die("PACKET_QDISC_BYPASS");
  for (int i = 0; i < BATCH; i++) {
    iov[i].iov_base = frames[i];
    messages[i].msg_hdr.msg_iov = &iov[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  if (plan.cpu < 0) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(plan.cpu, &set);
  if (sched_setaffinity(0, sizeof set, &set) < 0) die("sched_setaffinity");
}

/* The packets of one source from this frame on; returns the frame after the last. */
static int write_source(int frame, uint32_t i) {
  uint16_t sport = plan.sport ? plan.sport : 1024 + i % 60000;
  for (int p = 0; p < plan.port_count; p++, frame++)
    iov[frame].iov_len = (plan.six ? write_frame6 : write_frame)(frames[frame], plan.first + i, sport, plan.ports[p]);
  return frame;
}

static void send_source(uint64_t start) {
  if (plan.gap == 0) return send_frames(0, plan.port_count);
  for (int p = 0; p < plan.port_count; p++) {
    wait_until(start + p * plan.gap * 1000ull);
    send_frames(p, 1);
  }
}

int main(int argc, char **argv) {
  read_plan(argc, argv);
  open_socket(argv[1]);
  uint64_t total = (uint64_t)plan.sources * plan.rounds;
  int per_call = plan.gap == 0 && plan.rate == 0 ? BATCH / plan.port_count : 1;
  double *times = malloc(sizeof(double) * (plan.chunk ? total * plan.port_count / plan.chunk + 1 : 1));
  size_t taken = 0;
  uint64_t began = now(), chunk_began = began, chunk_sent = 0;
  for (uint64_t done = 0; done < total;) {
    int frame = 0, n = 0;
    for (; n < per_call && done + n < total; n++) frame = write_source(frame, (done + n) % plan.sources);
    if (plan.rate) sleep_until(began + done * 1000000000ull / plan.rate);
    if (per_call == 1) send_source(now());
    else send_frames(0, frame);
    done += n;
    if (plan.chunk == 0 || sent - chunk_sent < plan.chunk) continue;
    uint64_t time = now();
    times[taken++] = (double)(time - chunk_began) / (sent - chunk_sent);
    chunk_began = time;
    chunk_sent = sent;
  }
  uint64_t ended = now();
  qsort(times, taken, sizeof(double), by_size);
  printf("{\"sent\":%lu,\"began\":%lu,\"ended\":%lu,\"chunk_ns\":%.1f}\n", sent, began, ended, taken ? times[taken / 2] : 0);
  return 0;
}
