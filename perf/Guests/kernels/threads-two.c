#define THREADS 2
#include "threads.h"
