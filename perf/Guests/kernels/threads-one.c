#define THREADS 1
#include "threads.h"
