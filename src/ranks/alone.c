/* A build without MPI. */
#include "transport.h"

#include <inttypes.h>

#include "prompt/base/error.h"

int transport_open(struct transport **out, const struct launcher *launcher)
{
    *out = NULL;
    return error_set(ERR_USAGE,
                     "%s started %" PRId64
                     " processes, but this program was built without MPI: build it where "
                     "MPI is installed (Debian/Ubuntu: libopenmpi-dev openmpi-bin), or start one process",
                     launcher_name(launcher->kind), launcher->size);
}
