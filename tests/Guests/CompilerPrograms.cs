using static Jitvmm.Tests.Guests.GuestProgram;

namespace Jitvmm.Tests.Guests;

/// <summary>gcc's driver forks and executes cpp, cc1, as, collect2 and ld; the result runs in the guest too.</summary>
public sealed class CompilerPrograms : IProgramTable
{
    public static IReadOnlyList<GuestProgram> Programs { get; } = new GuestProgram[]
    {
        Run("gcc-version", "gcc -dumpfullversion"),
        Run("gcc-preprocess", "gcc -E -P kernels.c", "kernels.c"),
        Run("gcc-assembly", "gcc -O2 -S kernels.c", "kernels.c"),
        Run("gcc-object", "gcc -O2 -c kernels.c", "kernels.c"),
        Run("gcc-error", "gcc -fdiagnostics-color=never -c broken.c") with { Prepare = "printf 'int main(void) { return undeclared; }\\n' > broken.c" },
        Script("gcc-compile-and-run", "gcc -O2 -o kernels kernels.c -lm && ./kernels 1; echo $?", "kernels.c") with { Needs = ["gcc"], Limit = TimeSpan.FromMinutes(4) },
        Script("gcc-static", "gcc -static -O1 -o kernels kernels.c -lm && ./kernels 1", "kernels.c") with { Needs = ["gcc"], Limit = TimeSpan.FromMinutes(4) },
        Script("g++-compile-and-run", "g++ -O1 -o containers containers.cc && ./containers", "containers.cc") with { Needs = ["g++"], Limit = TimeSpan.FromMinutes(4) },
        Script("make-parallel", "make -s -j2 -f build.mk && ./total; make -f build.mk", "build.mk") with { Needs = ["make", "gcc"], CompareFiles = false, Limit = TimeSpan.FromMinutes(4) },
        Script("nasm-and-ld", "nasm -f elf64 -o hello.o hello.asm && ld -o hello hello.o && ./hello; echo $?", "hello.asm") with { Needs = ["nasm", "ld"] },
        Run("rust-program", "./sorts") with
        {
            Prepare = "PATH=$PATH:/root/.cargo/bin HOME=/root rustc -O -o sorts sorts.rs",
            Files = ["sorts.rs"],
            Needs = ["/root/.cargo/bin/rustc"],
        },
        Run("objdump", "objdump -d --no-show-raw-insn kernels.o", "kernels.c") with { Prepare = "gcc -O2 -c kernels.c", Needs = ["gcc", "objdump"] },
    }.InTiers(Tiers.NotCompiled, "gcc-version", "rust-program");
}
