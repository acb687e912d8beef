/*
 * A legitimate client: connects, sends a byte, waits for it to come back, and says goodbye, one connection after the other.
 *
 *   client ADDRESS PORT COUNT RATE CPU     RATE connections a second, 0 is one after the other; CPU -1 is any
 *
 * Says {"tried", "failed", "p50", "p99", "worst"}: microseconds of those that succeeded. A connection that
 * takes longer than two seconds has failed; one whose SYN was lost takes one.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000ull + time.tv_nsec;
}

static int converse(const struct sockaddr_in *address) {
  struct timeval patience = {.tv_sec = 2};
  char byte = 'x';
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  int ok = connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 && write(fd, &byte, 1) == 1 && read(fd, &byte, 1) == 1;
  close(fd);
  return ok;
}

static int by_size(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

int main(int argc, char **argv) {
  if (argc != 6) return 64;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2])), .sin_addr.s_addr = inet_addr(argv[1])};
  int count = atoi(argv[3]), rate = atoi(argv[4]), cpu = atoi(argv[5]), failed = 0, done = 0;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (cpu >= 0 && sched_setaffinity(0, sizeof set, &set) < 0) return 1;
  double *times = calloc(count + 1, sizeof *times);
  uint64_t began = now();
  for (int i = 0; i < count; i++) {
    uint64_t due = rate ? began + i * 1000000000ull / rate : 0, time = now();
    if (due > time) usleep((due - time) / 1000);
    uint64_t start = now();
    if (converse(&address)) times[done++] = (now() - start) / 1e3;
    else failed++;
  }
  qsort(times, done, sizeof *times, by_size);
  printf("{\"tried\":%d,\"failed\":%d,\"p50\":%.1f,\"p99\":%.1f,\"worst\":%.1f}\n", count, failed, times[done / 2], times[done * 99 / 100], times[done ? done - 1 : 0]);
  return 0;
}
