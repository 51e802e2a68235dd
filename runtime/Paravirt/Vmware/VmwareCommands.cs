using Jitvmm.Runtime.Cpu;

namespace Jitvmm.Runtime.Paravirt.Vmware;

/// <summary>
/// Commands of VMware's back door: a magic number in EAX, the command in CX, the port or 0 in DX, by IN from the port, VMCALL or VMMCALL (Linux,
/// arch/x86/include/asm/vmware.h and arch/x86/kernel/cpu/vmware.c). User code may give them too, except for what names memory.
/// </summary>
internal static unsafe class VmwareCommands
{
    public const int NumberRegister = Rcx;

    public const uint Magic = 0x564d5868;
    public const ushort Port = 0x5658;

    /// <summary>In EAX, and nowhere else: no such command.</summary>
    public const uint Failure = uint.MaxValue;

    public const int Rax = 0;
    public const int Rcx = 1;
    public const int Rdx = 2;

    private const int Rbx = 3;
    private const int Rsi = 6;
    private const int Rdi = 7;

    /// <summary>In EAX of GETVERSION, the interface's version, and in ECX the product that has it: ESX Server.</summary>
    private const uint InterfaceVersion = 6;
    private const uint ServerProduct = 2;

    /// <summary>GETVCPU_INFO: x2APIC without interrupt remapping. Bit 31 says that the bits mean nothing.</summary>
    private const uint LegacyX2Apic = 1u << 3;

    private static readonly Row[] s_rows =
    [
        new(10, "getversion", VmwareFeatures.None, false, GetVersion),
        new(45, "gethz", VmwareFeatures.Frequency, false, GetFrequency),
        new(68, "getvcpu-info", VmwareFeatures.VcpuInfo, false, GetVcpuInfo),
        new(91, "stealclock", VmwareFeatures.StealClock, true, PlaceStealClock),
    ];

    private delegate uint Body(VmwareCpu own, CpuState* cpu);

    /// <summary>Carries out the command in CX; the result for EAX.</summary>
    public static uint Execute(VmwareCpu own, CpuState* cpu)
    {
        ushort number = (ushort)cpu->Gpr[Rcx];
        Row? row = Array.Find(s_rows, row => row.Number == number && (row.Feature & ~own.Features) == 0);
        return row == null || (row.NeedsKernel && cpu->System.Cpl != 0) ? Failure : row.Body(own, cpu);
    }

    public static string NameOf(ulong number) => Array.Find(s_rows, row => row.Number == (ushort)number)?.Name ?? "";

    /// <summary>10. EBX gives the magic number back, which no port does that is not the back door.</summary>
    private static uint GetVersion(VmwareCpu own, CpuState* cpu)
    {
        cpu->Gpr[Rbx] = Magic;
        cpu->Gpr[Rcx] = ServerProduct;
        return InterfaceVersion;
    }

    /// <summary>45. The TSC's frequency in EAX and EBX, the APIC timer's in ECX.</summary>
    private static uint GetFrequency(VmwareCpu own, CpuState* cpu)
    {
        cpu->Gpr[Rbx] = 0;
        cpu->Gpr[Rcx] = own.Frequency;
        return own.Frequency;
    }

    /// <summary>68.</summary>
    private static uint GetVcpuInfo(VmwareCpu own, CpuState* cpu) => LegacyX2Apic;

    /// <summary>91. Places the steal clock at ESI:EDI, or nowhere when bit 0 is set.</summary>
    private static uint PlaceStealClock(VmwareCpu own, CpuState* cpu) => own.PlaceStealClock((cpu->Gpr[Rsi] << 32) | (uint)cpu->Gpr[Rdi]);

    private sealed record Row(ushort Number, string Name, VmwareFeatures Feature, bool NeedsKernel, Body Body);
}
