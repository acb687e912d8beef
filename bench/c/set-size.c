/*
 * Watches how many elements a set has, until there are enough or nothing was added for a while. Asking costs no
 * more with a million elements than with one, but only kernels from 6.17 on answer: others are told -1.
 *
 *   set-size TABLE SET ENOUGH QUIET-MS LONGEST-MS
 *
 * Says {"elements", "at"}: how many, and when the last ones had been added (CLOCK_MONOTONIC, ns).
 */
#include "netlink.h"
#include <linux/netfilter/nf_tables.h>
#include <time.h>

/* NFTA_SET_COUNT: newer than the headers of many distributions. */
#define SET_COUNT 20

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000ull + time.tv_nsec;
}

static long ask(int fd, const char *table, const char *set) {
  static struct buffer request;
  static uint8_t answer[65536];
  request.length = 0;
  struct nlmsghdr *header = begin_message(&request, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETSET, 0, NFPROTO_INET, 0);
  put_attribute(&request, NFTA_SET_TABLE, table, strlen(table) + 1);
  put_attribute(&request, NFTA_SET_NAME, set, strlen(set) + 1);
  end_message(&request, header);
  send_buffer(fd, &request);
  ssize_t length = recv(fd, answer, sizeof answer, 0);
  header = (struct nlmsghdr *)answer;
  if (length < (ssize_t)sizeof *header || header->nlmsg_type == NLMSG_ERROR) return -1;
  const uint8_t *at = (const uint8_t *)NLMSG_DATA(header) + sizeof(struct nfgenmsg), *end = answer + header->nlmsg_len;
  for (const struct nlattr *attribute; at + NLA_HDRLEN <= end; at += NLA_ALIGN(attribute->nla_len)) {
    attribute = (const void *)at;
    uint32_t count;
    if ((attribute->nla_type & NLA_TYPE_MASK) != SET_COUNT) continue;
    memcpy(&count, at + NLA_HDRLEN, sizeof count);
    return ntohl(count);
  }
  return -1;
}

int main(int argc, char **argv) {
  if (argc != 6) return 64;
  long enough = atol(argv[3]), elements = -1;
  uint64_t quiet = atol(argv[4]) * 1000000ull, longest = atol(argv[5]) * 1000000ull;
  int fd = open_netlink();
  uint64_t began = now(), at = began;
  for (;;) {
    long found = ask(fd, argv[1], argv[2]);
    uint64_t time = now();
    if (found != elements) at = time;
    elements = found;
    if (elements >= enough || time - at > quiet || time - began > longest) break;
    usleep(2000);
  }
  printf("{\"elements\":%ld,\"at\":%lu}\n", elements, at);
  return 0;
}
