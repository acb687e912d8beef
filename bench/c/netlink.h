/* What the bench's C programs need of netlink: sockets, messages in a buffer, attributes. */
#pragma once
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct buffer {
  uint8_t bytes[65536 * 2];
  size_t length;
};

static inline void die(const char *what) {
  perror(what);
  exit(1);
}

static inline int open_netlink(void) {
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
  if (fd < 0) die("socket");
  struct sockaddr_nl address = {.nl_family = AF_NETLINK};
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) die("bind");
  return fd;
}

static inline struct nlmsghdr *begin_message(struct buffer *buffer, int type, int flags, int family, int number) {
  struct nlmsghdr *header = (struct nlmsghdr *)(buffer->bytes + buffer->length);
  struct nfgenmsg *generic = NLMSG_DATA(header);
  memset(header, 0, NLMSG_SPACE(sizeof *generic));
  header->nlmsg_type = type;
  header->nlmsg_flags = NLM_F_REQUEST | flags;
  generic->nfgen_family = family;
  generic->res_id = htons(number);
  buffer->length += NLMSG_SPACE(sizeof *generic);
  return header;
}

static inline void end_message(struct buffer *buffer, struct nlmsghdr *header) {
  header->nlmsg_len = buffer->bytes + buffer->length - (uint8_t *)header;
}

static inline void put_attribute(struct buffer *buffer, int type, const void *value, size_t length) {
  struct nlattr *attribute = (struct nlattr *)(buffer->bytes + buffer->length);
  attribute->nla_type = type;
  attribute->nla_len = NLA_HDRLEN + length;
  memcpy((uint8_t *)attribute + NLA_HDRLEN, value, length);
  buffer->length += NLA_ALIGN(attribute->nla_len);
}

static inline struct nlattr *begin_nest(struct buffer *buffer, int type) {
  struct nlattr *attribute = (struct nlattr *)(buffer->bytes + buffer->length);
  attribute->nla_type = type | NLA_F_NESTED;
  buffer->length += NLA_HDRLEN;
  return attribute;
}

static inline void end_nest(struct buffer *buffer, struct nlattr *attribute) {
  attribute->nla_len = buffer->bytes + buffer->length - (uint8_t *)attribute;
}

static inline void send_buffer(int fd, const struct buffer *buffer) {
  if (send(fd, buffer->bytes, buffer->length, 0) < 0) die("send");
}
