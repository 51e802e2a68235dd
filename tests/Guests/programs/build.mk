objects := one.o two.o three.o
total: $(objects) main.o
	gcc -o $@ $^
main.c:
	printf '#include <stdio.h>\nint one(void), two(void), three(void);\nint main(void) { printf("%%d\\n", one() + two() + three()); }\n' > $@
%.c:
	printf 'int $*(void) { return sizeof("$*"); }\n' > $@
%.o: %.c
	gcc -O1 -c -o $@ $<
