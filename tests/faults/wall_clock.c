/* Puts the wall clock off by as many seconds as the file $FAULTS_CLOCK says, for the programs it is
   preloaded into. Only the wall clock: a monotonic clock never jumps. (libfaketime 0.9.10 can't
   leave the monotonic clock alone: Python's sleep then ends with EINVAL.) */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* How long what the file said is believed, nanoseconds. */
#define BELIEVED_NS 100000000L

static long offset_s(void)
{
    static __thread long offset;
    static __thread struct timespec read_at;
    struct timespec now;
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    long age = (now.tv_sec - read_at.tv_sec) * 1000000000L + now.tv_nsec - read_at.tv_nsec;
    if (age < BELIEVED_NS)
        return offset;
    read_at = now;
    const char *path = getenv("FAULTS_CLOCK");
    FILE *file = path ? fopen(path, "re") : NULL;
    if (file) {
        if (fscanf(file, "%ld", &offset) != 1)
            offset = 0;
        fclose(file);
    }
    return offset;
}

int clock_gettime(clockid_t clock, struct timespec *at)
{
    int failed = (int)syscall(SYS_clock_gettime, clock, at);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        at->tv_sec += offset_s();
    return failed;
}

int gettimeofday(struct timeval *at, void *zone)
{
    int failed = (int)syscall(SYS_gettimeofday, at, zone);
    if (!failed && at)
        at->tv_sec += offset_s();
    return failed;
}

time_t time(time_t *at)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at)
        *at = now.tv_sec;
    return now.tv_sec;
}
