using System.Numerics;
using System.Text;
using Jitvmm.Runtime.Cpu;

namespace Jitvmm.Linux.Files;

/// <summary>/proc/cpuinfo, from the CPUID the guest sees (<see cref="CpuModel"/>) and the kernel's names of its bits.</summary>
internal static unsafe class ProcessorText
{
    private const uint Extended = 0x80000001;

    // One name per bit from bit 0 on, as arch/x86/include/asm/cpufeatures.h has them; "-" is a bit without a name there.
    private const string Leaf1Edx = "fpu vme de pse tsc msr pae mce cx8 apic - sep mtrr pge mca cmov pat pse36 pn clflush - dts acpi mmx fxsr sse sse2 ss ht tm ia64 pbe";
    private const string ExtendedEdx = "- - - - - - - - - - - syscall - - - - - - - mp nx - mmxext - - fxsr_opt pdpe1gb rdtscp - lm 3dnowext 3dnow";
    private const string Leaf1Ecx = "pni pclmulqdq dtes64 monitor ds_cpl vmx smx est tm2 ssse3 cid sdbg fma cx16 xtpr pdcm - pcid dca sse4_1 sse4_2 x2apic movbe popcnt tsc_deadline_timer aes xsave - avx f16c rdrand hypervisor";
    private const string ExtendedEcx = "lahf_lm cmp_legacy svm extapic cr8_legacy abm sse4a misalignsse 3dnowprefetch";
    private const string Leaf7Ebx = "fsgsbase tsc_adjust sgx bmi1 hle avx2 - smep bmi2 erms invpcid rtm cqm - mpx rdt_a avx512f avx512dq rdseed adx smap avx512ifma - clflushopt clwb intel_pt avx512pf avx512er avx512cd sha_ni avx512bw avx512vl";
    private const string Leaf7Ecx = "- avx512vbmi umip pku ospke waitpkg avx512_vbmi2 - gfni vaes vpclmulqdq - - - - - - - - - - - rdpid";
    private const string ExtendedState = "xsaveopt xsavec xgetbv1 xsaves";

    /// <summary>One block per processor the guest may run on.</summary>
    public static byte[] Write()
    {
        CpuidLeaf identity = CpuModel.Query(0, 0);
        CpuidLeaf version = CpuModel.Query(1, 0);
        CpuidLeaf extended = CpuModel.Query(Extended, 0);
        CpuidLeaf structured = CpuModel.Query(7, 0);
        StringBuilder flags = new();
        Append(flags, version.Edx, Leaf1Edx);
        Append(flags, extended.Edx, ExtendedEdx);
        Append(flags, version.Ecx, Leaf1Ecx);
        Append(flags, extended.Ecx, ExtendedEcx);
        Append(flags, structured.Ebx, Leaf7Ebx);
        Append(flags, CpuModel.Query(0xd, 1).Eax, ExtendedState);
        Append(flags, structured.Ecx, Leaf7Ecx);

        // SDM vol. 2A, figure 3-6: model is extended by bits 16-19 for family 6.
        uint model = (version.Eax >> 4 & 0xf) | (version.Eax >> 12 & 0xf0);
        string vendor = Letters(identity.Ebx) + Letters(identity.Edx) + Letters(identity.Ecx);
        int count = ProcessorCount();
        StringBuilder text = new();
        for (int cpu = 0; cpu < count; cpu++)
        {
            text.Append($"processor\t: {cpu}\nvendor_id\t: {vendor}\ncpu family\t: {version.Eax >> 8 & 0xf}\nmodel\t\t: {model}\n")
                .Append($"model name\t: {Brand()}\nstepping\t: {version.Eax & 0xf}\ncpu MHz\t\t: 2000.000\ncache size\t: 8192 KB\n")
                .Append($"physical id\t: 0\nsiblings\t: {count}\ncore id\t\t: {cpu}\ncpu cores\t: {count}\napicid\t\t: {cpu}\ninitial apicid\t: {cpu}\n")
                .Append($"fpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: {identity.Eax}\nwp\t\t: yes\nflags\t\t:{flags}\nbugs\t\t:\n")
                .Append("bogomips\t: 4000.00\nclflush size\t: 64\ncache_alignment\t: 64\naddress sizes\t: 40 bits physical, 48 bits virtual\npower management:\n\n");
        }

        return Encoding.ASCII.GetBytes(text.ToString());
    }

    private static void Append(StringBuilder flags, uint bits, string names)
    {
        int bit = 0;
        foreach (Range range in names.AsSpan().Split(' '))
        {
            ReadOnlySpan<char> name = names.AsSpan()[range];
            if ((bits >> bit++ & 1) != 0 && name is not "-")
            {
                flags.Append(' ').Append(name);
            }
        }
    }

    private static int ProcessorCount()
    {
        const int Words = 16;
        ulong* affinity = stackalloc ulong[Words];
        int bytes = (int)HostSyscall.Raw(204, 0, Words * sizeof(ulong), (ulong)affinity);
        int count = 0;
        for (int i = 0; i < bytes / sizeof(ulong); i++)
        {
            count += BitOperations.PopCount(affinity[i]);
        }

        return Math.Max(count, 1);
    }

    private static string Brand()
    {
        StringBuilder brand = new();
        for (uint leaf = 0x80000002; leaf <= 0x80000004; leaf++)
        {
            CpuidLeaf part = CpuModel.Query(leaf, 0);
            brand.Append(Letters(part.Eax)).Append(Letters(part.Ebx)).Append(Letters(part.Ecx)).Append(Letters(part.Edx));
        }

        return brand.ToString().TrimEnd('\0');
    }

    private static string Letters(uint word) => new([(char)(word & 0xff), (char)(word >> 8 & 0xff), (char)(word >> 16 & 0xff), (char)(word >> 24)]);
}
