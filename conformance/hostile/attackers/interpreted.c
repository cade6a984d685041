// Linked with /proc/self/exe as its interpreter: the kernel is asked to load the program that executes this one along with it.
int main(void) { return 0; }
