// Why a system call failed, in the same words as every other program of the machine: people search for them, and engines look for
// some. musl, which the shipped program is linked with, has words of its own for the errors listed here.
#include "CLinux.h"

static const char *const words[] = {
    [EIO] = "Input/output error",
    [ECHILD] = "No child processes",
    [ENOMEM] = "Cannot allocate memory",
    [EBUSY] = "Device or resource busy",
    [EXDEV] = "Invalid cross-device link",
    [EMFILE] = "Too many open files",
    [ENOTTY] = "Inappropriate ioctl for device",
    [ESPIPE] = "Illegal seek",
    [EDOM] = "Numerical argument out of domain",
    [ERANGE] = "Numerical result out of range",
    [EDEADLK] = "Resource deadlock avoided",
    [ENAMETOOLONG] = "File name too long",
    [ELOOP] = "Too many levels of symbolic links",
    [EBADE] = "Invalid exchange",
    [EBADR] = "Invalid request descriptor",
    [ETIME] = "Timer expired",
    [ECOMM] = "Communication error on send",
    [EOVERFLOW] = "Value too large for defined data type",
    [ENOTUNIQ] = "Name not unique on network",
    [EREMCHG] = "Remote address changed",
    [ELIBBAD] = "Accessing a corrupted shared library",
    [EILSEQ] = "Invalid or incomplete multibyte or wide character",
    [ERESTART] = "Interrupted system call should be restarted",
    [EUSERS] = "Too many users",
    [ENOTSOCK] = "Socket operation on non-socket",
    [EMSGSIZE] = "Message too long",
    [EOPNOTSUPP] = "Operation not supported",
    [EADDRINUSE] = "Address already in use",
    [EADDRNOTAVAIL] = "Cannot assign requested address",
    [ENETUNREACH] = "Network is unreachable",
    [ENETRESET] = "Network dropped connection on reset",
    [ECONNABORTED] = "Software caused connection abort",
    [EISCONN] = "Transport endpoint is already connected",
    [ENOTCONN] = "Transport endpoint is not connected",
    [ESHUTDOWN] = "Cannot send after transport endpoint shutdown",
    [ETIMEDOUT] = "Connection timed out",
    [EHOSTUNREACH] = "No route to host",
    [EINPROGRESS] = "Operation now in progress",
    [EUCLEAN] = "Structure needs cleaning",
    [EDQUOT] = "Disk quota exceeded",
    [EOWNERDEAD] = "Owner died",
    [EHWPOISON] = "Memory page has hardware error",
};

const char *clx_strerror(int number) {
  int is_listed = number >= 0 && number < (int)(sizeof words / sizeof *words);
  return is_listed && words[number] ? words[number] : strerror(number);
}
