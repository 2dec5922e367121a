/* Two threads count without a lock: what the thread sanitizer must report. */
#include <pthread.h>
#include <stddef.h>

static long counter;

static void *count(void *unused)
{
    for (int i = 0; i < 1000; i++)
        counter++;
    return unused;
}

int main(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, count, NULL) != 0)
        return 1;
    count(NULL);
    return pthread_join(thread, NULL);
}
