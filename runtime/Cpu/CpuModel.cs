
namespace Jitvmm.Runtime.Cpu;

/// <summary>The four registers CPUID returns.</summary>
public readonly record struct CpuidLeaf(uint Eax, uint Ebx, uint Ecx, uint Edx);

/// <summary>
/// The processor guests see: x86-64-v3 with the extensions the translator implements, and nothing else.
/// Every feature bit here has its instructions in the lifts (a Tidy test compares).
/// </summary>
public static class CpuModel
{
    /// <summary>XCR0: x87, SSE and AVX state.</summary>
    public const uint XCr0 = 7;

    /// <summary>Bytes of a standard-format XSAVE area for <see cref="XCr0"/>.</summary>
    public const uint XsaveSize = 832;

    // SDM vol. 2A, table 3-10: SSE3, PCLMUL, SSSE3, FMA, CX16, SSE4.1, SSE4.2, MOVBE, POPCNT, AES, XSAVE, OSXSAVE, AVX, F16C, RDRAND, and a hypervisor is not shown.
    private const uint Leaf1Ecx = (1u << 0) | (1u << 1) | (1u << 9) | (1u << 12) | (1u << 13) | (1u << 19) | (1u << 20) | (1u << 22) | (1u << 23)
        | (1u << 25) | (1u << 26) | (1u << 27) | (1u << 28) | (1u << 29) | (1u << 30);

    // FPU, DE, PSE, TSC, MSR, PAE, MCE, CX8, APIC, SEP, MTRR, PGE, MCA, CMOV, PAT, PSE36, CLFSH, MMX, FXSR, SSE, SSE2.
    private const uint Leaf1Edx = 0x078bfbff;

    // FSGSBASE, BMI1, AVX2, BMI2, ERMS, RDSEED, ADX, CLFLUSHOPT, CLWB, SHA.
    private const uint Leaf7Ebx = (1u << 0) | (1u << 3) | (1u << 5) | (1u << 8) | (1u << 9) | (1u << 18) | (1u << 19) | (1u << 23) | (1u << 24) | (1u << 29);

    // VAES, VPCLMULQDQ, RDPID.
    private const uint Leaf7Ecx = (1u << 9) | (1u << 10) | (1u << 22);

    // LAHF64, LZCNT, PREFETCHW.
    private const uint Extended1Ecx = (1u << 0) | (1u << 5) | (1u << 8);

    // SYSCALL, NX, RDTSCP, LM.
    private const uint Extended1Edx = (1u << 11) | (1u << 20) | (1u << 27) | (1u << 29);

    /// <summary>CPUID for a leaf and sub-leaf (SDM vol. 2A, CPUID).</summary>
    public static CpuidLeaf Query(uint leaf, uint subLeaf) => leaf switch
    {
        0 => new CpuidLeaf(0xd, Word("Genu"), Word("ntel"), Word("ineI")),
        1 => new CpuidLeaf(0x000306f2, 0x00010800, Leaf1Ecx, Leaf1Edx),
        2 => new CpuidLeaf(0x76036301, 0x00f0b5ff, 0, 0x00c30000),
        4 => CacheLeaf(subLeaf),
        6 => new CpuidLeaf(4, 0, 0, 0),
        7 => subLeaf == 0 ? new CpuidLeaf(0, Leaf7Ebx, Leaf7Ecx, 0) : default,
        0xb => subLeaf switch { 0 => new CpuidLeaf(0, 1, 0x100, 0), 1 => new CpuidLeaf(0, 1, 0x201, 0), _ => new CpuidLeaf(0, 0, subLeaf, 0) },
        0xd => ExtendedState(subLeaf),
        0x80000000 => new CpuidLeaf(0x80000008, 0, 0, 0),
        0x80000001 => new CpuidLeaf(0, 0, Extended1Ecx, Extended1Edx),
        0x80000002 => Brand(0),
        0x80000003 => Brand(16),
        0x80000004 => Brand(32),
        0x80000006 => new CpuidLeaf(0, 0, 0x01006040, 0),
        0x80000007 => new CpuidLeaf(0, 0, 0, 1u << 8),
        0x80000008 => new CpuidLeaf(0x3028, 0, 0, 0),
        _ => default,
    };

    // Data 32 KiB 8-way, code 32 KiB 8-way, unified 256 KiB 8-way: sizes programs tune by.
    private static CpuidLeaf CacheLeaf(uint index) => index switch
    {
        0 => new CpuidLeaf(0x121, (7u << 22) | 63, 63, 0),
        1 => new CpuidLeaf(0x122, (7u << 22) | 63, 63, 0),
        2 => new CpuidLeaf(0x143, (7u << 22) | 63, 511, 0),
        3 => new CpuidLeaf(0x163, (15u << 22) | 63, 8191, 0),
        _ => default,
    };

    private static CpuidLeaf ExtendedState(uint subLeaf) => subLeaf switch
    {
        0 => new CpuidLeaf(XCr0, XsaveSize, XsaveSize, 0),
        1 => new CpuidLeaf(0xf & ~8u, XsaveSize, 0, 0), // XSAVEOPT, XSAVEC, XGETBV with ECX = 1
        2 => new CpuidLeaf(256, 576, 0, 0),
        _ => default,
    };

    private static uint Word(string text) => text[0] | ((uint)text[1] << 8) | ((uint)text[2] << 16) | ((uint)text[3] << 24);

    private static CpuidLeaf Brand(int start)
    {
        string name = "Jitvmm x86-64-v3 processor".PadRight(48, '\0');
        return new CpuidLeaf(Word(name[start..]), Word(name[(start + 4)..]), Word(name[(start + 8)..]), Word(name[(start + 12)..]));
    }
}
