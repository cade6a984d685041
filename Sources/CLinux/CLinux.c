// Header only: this file exists because a SwiftPM C target needs one.
#include "CLinux.h"
