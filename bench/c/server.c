/*
 * A service for the bench: answers each TCP connection with what it sends, and the first UDP datagram only, so that
 * a flood of datagrams costs no more than the kernel's part.
 *
 *   server TCP-PORT UDP-PORT CPU     CPU -1 is any
 *
 * Says "ready".
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static int bound(int type, int port) {
  int fd = socket(AF_INET, type, 0), on = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) {
    perror("bind");
    exit(1);
  }
  return fd;
}

static void answer_datagram(int fd) {
  char bytes[64];
  struct sockaddr_in from;
  socklen_t length = sizeof from;
  ssize_t size = recvfrom(fd, bytes, sizeof bytes, 0, (struct sockaddr *)&from, &length);
  if (size >= 0) sendto(fd, bytes, size, 0, (struct sockaddr *)&from, length);
}

static void answer_connection(int fd) {
  char bytes[64];
  ssize_t size;
  int connection = accept(fd, NULL, NULL);
  if (connection < 0) return;
  while ((size = read(connection, bytes, sizeof bytes)) > 0)
    if (write(connection, bytes, size) < 0) break;
  close(connection);
}

int main(int argc, char **argv) {
  if (argc != 4) return 64;
  int cpu = atoi(argv[3]);
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (cpu >= 0 && sched_setaffinity(0, sizeof set, &set) < 0) return 1;
  struct pollfd waiting[2] = {{.fd = bound(SOCK_STREAM, atoi(argv[1])), .events = POLLIN}, {.fd = bound(SOCK_DGRAM, atoi(argv[2])), .events = POLLIN}};
  listen(waiting[0].fd, 1024);
  puts("ready");
  fflush(stdout);
  while (poll(waiting, 2, -1) > 0) {
    if (waiting[0].revents) answer_connection(waiting[0].fd);
    if (!waiting[1].revents) continue;
    answer_datagram(waiting[1].fd);
    waiting[1].fd = -1;
  }
  return 0;
}
