/* Requests in, jobs out: the loop of shoal-content, and what is said on its socket.
 *
 * Records of wire/record.h both ways. A request has `op`, `ticket` and its fields; every event has
 * `event` and, but for idle, the request's `ticket`. Repeated fields are marked *; bytes that go with a
 * request come as a descriptor sent with it, and `stream` is "1" then.
 *
 *   op           fields, beside `ticket`                           in done (a = image, b = manifest)
 *   pull         reference platform auth have mirror* insecure*    a b
 *                downloads: so many layers at a time (1 to 16, else 3)
 *   inspect      reference auth mirror* insecure*                  b platform*: "os/arch/variant"
 *   login        reference auth insecure*                          -
 *   push         reference image auth insecure*                    b tag
 *   load         stream                                            -; before it {event: image} each: a tag*
 *   save         stream, image tag* image tag* ...                 -
 *   import       stream, config author comment created platform    a
 *   commit       parent upper_dir config author comment            a
 *                created_by container created
 *   export       stream, root                                      -
 *   stat         root path container mount_source*                 -; before it {event: stat, name, size,
 *                mount_target* mount_mode*: "ro" or "rw"            mode, mtime_ns, link_target}
 *   archive      as stat, stream                                   as stat, before the first byte
 *   put_archive  as stat, stream keep_types uid gid                -
 *   remove       image keep_layer*                                 freed
 *   gc           keep_image* keep_layer*                           freed
 *   cancel       (the ticket to end)                               no answer, and none for that ticket
 *
 *   a: image config size, layer and layer_size in step             b: digest media_type manifest_bytes
 *
 * Other events: {event: progress, status, id?, current?, total?}; {event: failed, kind, text} with kind
 * an enum err_kind; {event: idle} once after idle_ms without work: whoever closes the socket then loses
 * nothing. Any request may carry bytes_max, entries_max and depth_max; one to a registry pause_ms and
 * stall_s.
 *
 * Each request runs as a job in a process of its own; at most JOBS_MAX at a time, others wait in the
 * order they came. remove and gc run alone. A job's reports are passed on; one that dies without an
 * end gets one here. The program ends, and all jobs with it, when the other end closes the socket. */
#ifndef SHOAL_CONTENT_BROKER_H
#define SHOAL_CONTENT_BROKER_H

#include "content/job.h"

#define JOBS_MAX    16
#define WAITING_MAX 1024

/* Serve the socket `fd` until its end. `idle_ms` without work: {event: idle} is sent once. */
bool broker_run(const struct settings *settings, int fd, int idle_ms, struct err *e);

#endif
