/*
 * What a daemon like this costs at least: it takes packets, puts their sources into a set, and remembers nothing.
 * No judge, no never-list, no history, no log, no IPv6.
 *
 *   reference queue|log NUMBER batch|single|spawn TABLE SET SECONDS
 *
 * batch: one transaction for all that one wake-up brought. single: one for each packet. spawn: the program nft for each packet, as in 2006.
 * Says "ready"; at SIGTERM it says {"packets", "refused"} and ends.
 */
#define _GNU_SOURCE
#include "netlink.h"
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#define SLOTS 128
#define SLOT 65536
#define COPY 128
#define QUEUE_LENGTH 8192
/* An attribute holds at most 64 KB: so many elements fit into one list. */
#define LIST 1024

static const char *table, *set;
static uint64_t timeout_ms;
static int seconds, by_spawn, at_once = LIST;
static int intake, sets, number;
static uint64_t packets, refused;
static volatile sig_atomic_t over;
static uint8_t slots[SLOTS][SLOT];
static struct buffer batch, elements;
static int waiting;

static void on_signal(int signal) {
  (void)signal;
  over = 1;
}

static void put_be32(struct buffer *buffer, int type, uint32_t value) {
  value = htonl(value);
  put_attribute(buffer, type, &value, 4);
}

static void bind_queue(void) {
  static struct buffer request;
  struct nfqnl_msg_config_cmd bind = {.command = NFQNL_CFG_CMD_BIND, .pf = htons(AF_INET)};
  struct nfqnl_msg_config_params copy = {.copy_range = htonl(COPY), .copy_mode = NFQNL_COPY_PACKET};
  struct nlmsghdr *header = begin_message(&request, NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_CONFIG, NLM_F_ACK, AF_UNSPEC, number);
  put_attribute(&request, NFQA_CFG_CMD, &bind, sizeof bind);
  put_attribute(&request, NFQA_CFG_PARAMS, &copy, sizeof copy);
  put_be32(&request, NFQA_CFG_QUEUE_MAXLEN, QUEUE_LENGTH);
  put_be32(&request, NFQA_CFG_MASK, NFQA_CFG_F_GSO);
  put_be32(&request, NFQA_CFG_FLAGS, NFQA_CFG_F_GSO);
  end_message(&request, header);
  send_buffer(intake, &request);
}

static void bind_log(void) {
  static struct buffer request;
  struct nfulnl_msg_config_cmd bind = {.command = NFULNL_CFG_CMD_BIND};
  struct nfulnl_msg_config_mode copy = {.copy_range = htonl(COPY), .copy_mode = NFULNL_COPY_PACKET};
  struct nlmsghdr *header = begin_message(&request, NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG, NLM_F_ACK, AF_UNSPEC, number);
  put_attribute(&request, NFULA_CFG_CMD, &bind, sizeof bind);
  put_attribute(&request, NFULA_CFG_MODE, &copy, sizeof copy);
  put_be32(&request, NFULA_CFG_NLBUFSIZ, 32768 - 512);
  put_be32(&request, NFULA_CFG_TIMEOUT, 0);
  put_be32(&request, NFULA_CFG_QTHRESH, 64);
  end_message(&request, header);
  send_buffer(intake, &request);
}

static void open_intake(const char *kind) {
  int size = 32 << 20, on = 1;
  intake = open_netlink();
  setsockopt(intake, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
  setsockopt(intake, SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof on);
  if (*kind == 'q') bind_queue();
  else bind_log();
  uint8_t answer[512];
  ssize_t length = recv(intake, answer, sizeof answer, 0);
  const struct nlmsghdr *header = (const struct nlmsghdr *)answer;
  if (length < (ssize_t)NLMSG_SPACE(sizeof(struct nlmsgerr)) || header->nlmsg_type != NLMSG_ERROR) exit(1);
  errno = -((const struct nlmsgerr *)NLMSG_DATA(header))->error;
  if (errno != 0) die("bind the group");
}

static void count_refusals(void) {
  uint8_t answer[4096];
  while (recv(sets, answer, sizeof answer, MSG_DONTWAIT) > 0) refused++;
}

/* All elements that wait, in one transaction. */
static void add_waiting(void) {
  if (waiting == 0) return;
  batch.length = 0;
  end_message(&batch, begin_message(&batch, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
  struct nlmsghdr *header = begin_message(&batch, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSETELEM, NLM_F_CREATE, NFPROTO_INET, 0);
  put_attribute(&batch, NFTA_SET_ELEM_LIST_TABLE, table, strlen(table) + 1);
  put_attribute(&batch, NFTA_SET_ELEM_LIST_SET, set, strlen(set) + 1);
  struct nlattr *list = begin_nest(&batch, NFTA_SET_ELEM_LIST_ELEMENTS);
  memcpy(batch.bytes + batch.length, elements.bytes, elements.length);
  batch.length += elements.length;
  end_nest(&batch, list);
  end_message(&batch, header);
  end_message(&batch, begin_message(&batch, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
  send_buffer(sets, &batch);
  count_refusals();
  elements.length = 0;
  waiting = 0;
}

static void add_later(const uint8_t *source) {
  struct nlattr *element = begin_nest(&elements, NFTA_LIST_ELEM);
  struct nlattr *key = begin_nest(&elements, NFTA_SET_ELEM_KEY);
  put_attribute(&elements, NFTA_DATA_VALUE, source, 4);
  end_nest(&elements, key);
  put_attribute(&elements, NFTA_SET_ELEM_TIMEOUT, &timeout_ms, 8);
  end_nest(&elements, element);
  if (++waiting == at_once) add_waiting();
}

static void spawn_nft(const uint8_t *ip) {
  extern char **environ;
  char element[96], address[16];
  inet_ntop(AF_INET, ip, address, sizeof address);
  snprintf(element, sizeof element, "{ %s timeout %ds }", address, seconds);
  char *argv[] = {"nft", "add", "element", "inet", (char *)table, (char *)set, element, NULL};
  pid_t pid;
  int status;
  if (posix_spawnp(&pid, "nft", NULL, NULL, argv, environ) != 0) die("nft");
  waitpid(pid, &status, 0);
  if (status != 0) refused++;
}

static void take_packet(const uint8_t *payload, size_t length) {
  if (length < 20 || payload[0] >> 4 != 4) return;
  packets++;
  if (by_spawn) spawn_nft(payload + 12);
  else add_later(payload + 12);
}

/* Reads the messages of one datagram; returns the id of the last packet of a queue. */
static uint32_t read_datagram(const uint8_t *bytes, int length, int is_queue) {
  uint32_t id = 0;
  for (const struct nlmsghdr *header = (const void *)bytes; NLMSG_OK(header, length); header = NLMSG_NEXT(header, length)) {
    const uint8_t *at = (const uint8_t *)NLMSG_DATA(header) + sizeof(struct nfgenmsg);
    const uint8_t *end = (const uint8_t *)header + header->nlmsg_len;
    while (at + NLA_HDRLEN <= end) {
      const struct nlattr *attribute = (const void *)at;
      const uint8_t *value = at + NLA_HDRLEN;
      int type = attribute->nla_type & NLA_TYPE_MASK;
      if (is_queue && type == NFQA_PACKET_HDR) id = ntohl(((const struct nfqnl_msg_packet_hdr *)value)->packet_id);
      if (type == (is_queue ? (int)NFQA_PAYLOAD : (int)NFULA_PAYLOAD)) take_packet(value, attribute->nla_len - NLA_HDRLEN);
      at += NLA_ALIGN(attribute->nla_len);
    }
  }
  return id;
}

static void drop_up_to(uint32_t id) {
  static struct buffer verdict;
  struct nfqnl_msg_verdict_hdr drop = {.verdict = htonl(NF_DROP), .id = htonl(id)};
  verdict.length = 0;
  struct nlmsghdr *header = begin_message(&verdict, NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_VERDICT_BATCH, 0, AF_UNSPEC, number);
  put_attribute(&verdict, NFQA_VERDICT_HDR, &drop, sizeof drop);
  end_message(&verdict, header);
  send_buffer(intake, &verdict);
}

static void take_all(int is_queue) {
  static struct iovec iov[SLOTS];
  static struct mmsghdr messages[SLOTS];
  for (int i = 0; i < SLOTS; i++) {
    iov[i] = (struct iovec){slots[i], SLOT};
    messages[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1};
  }
  for (;;) {
    int count = recvmmsg(intake, messages, SLOTS, MSG_DONTWAIT, NULL);
    if (count <= 0) return;
    uint32_t id = 0;
    for (int i = 0; i < count; i++) id = read_datagram(slots[i], messages[i].msg_len, is_queue);
    if (is_queue) drop_up_to(id);
    add_waiting();
  }
}

int main(int argc, char **argv) {
  if (argc != 7) return 64;
  int is_queue = *argv[1] == 'q';
  number = atoi(argv[2]);
  by_spawn = strcmp(argv[3], "spawn") == 0;
  if (strcmp(argv[3], "single") == 0) at_once = 1;
  table = argv[4];
  set = argv[5];
  seconds = atoi(argv[6]);
  uint64_t ms = seconds * 1000ull;
  timeout_ms = (uint64_t)htonl(ms >> 32) | (uint64_t)htonl(ms) << 32;
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGTERM, &action, NULL);
  sets = open_netlink();
  open_intake(argv[1]);
  puts("ready");
  fflush(stdout);
  struct pollfd poller = {.fd = intake, .events = POLLIN};
  while (!over)
    if (poll(&poller, 1, -1) > 0) take_all(is_queue);
  printf("{\"packets\":%lu,\"refused\":%lu}\n", packets, refused);
  return 0;
}
