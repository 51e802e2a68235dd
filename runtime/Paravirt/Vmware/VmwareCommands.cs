using Jitvmm.Runtime.Cpu;

namespace Jitvmm.Runtime.Paravirt.Vmware;

/// <summary>
/// Commands of VMware's back door: a magic number in EAX, the command in CX, the port or 0 in DX, by IN from the port, VMCALL or VMMCALL (Linux,
/// arch/x86/include/asm/vmware.h and arch/x86/kernel/cpu/vmware.c). User code may give them too, except for what names memory.
/// </summary>
internal static unsafe class VmwareCommands
{
    public const int NumberRegister = Rcx;
    public const ulong NumberMask = ushort.MaxValue;

    public const uint Magic = 0x564d5868;
    public const ushort Port = 0x5658;

    /// <summary>In EAX, and nowhere else: no such command.</summary>
    public const uint Failure = uint.MaxValue;

    public const int Rax = 0;
    public const int Rdx = 2;

    /// <summary>DX of VMCALL: the forms for many bytes at once, which are the ports' next to the back door's.</summary>
    private const ulong ManyBytes = 3;

    private const int Rcx = 1;
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
        new(10, "getversion", VmwareFeatures.None, GetVersion),
        new(45, "gethz", VmwareFeatures.Frequency, GetFrequency),
        new(68, "getvcpu-info", VmwareFeatures.VcpuInfo, static _ => new Answer(LegacyX2Apic)),
        new(91, "stealclock", VmwareFeatures.StealClock, null),
    ];

    private static readonly Func<ulong, ulong, bool> s_isCall = IsCall;

    /// <summary>Whether VMCALL with these registers is a call: of one word, by either of its forms.</summary>
    public static bool IsCall(ulong magic, ulong port) => (uint)magic == Magic && (port & ManyBytes) == 0;

    /// <summary>Carries out the command in CX; the result for EAX.</summary>
    public static uint Execute(VmwareCpu own, CpuState* cpu)
    {
        if (Find(own.Features, (ushort)cpu->Gpr[Rcx]) is not { } row)
        {
            return Failure;
        }

        if (row.Tell == null)
        {
            // 91: at ESI:EDI, or nowhere when bit 0 is set. It names memory, so it is the kernel's.
            return cpu->System.Cpl == 0 ? own.PlaceStealClock((cpu->Gpr[Rsi] << 32) | (uint)cpu->Gpr[Rdi]) : Failure;
        }

        Answer answer = row.Tell(own.Frequency);
        cpu->Gpr[Rbx] = answer.Rbx ?? cpu->Gpr[Rbx];
        cpu->Gpr[Rcx] = answer.Rcx ?? cpu->Gpr[Rcx];
        return answer.Rax;
    }

    /// <summary>What compiled code does: all answers but the steal clock's are known beforehand.</summary>
    public static HypercallBody? BodyOf(VmwareInterface offered, ushort number)
    {
        Row? row = Find(offered.Features, number);
        if (row is { Tell: null })
        {
            return null;
        }

        Answer answer = row?.Tell(offered.Frequency) ?? new Answer(Failure);
        List<(int, ulong)> others = [];
        if (answer.Rbx is { } rbx)
        {
            others.Add((Rbx, rbx));
        }

        if (answer.Rcx is { } rcx)
        {
            others.Add((Rcx, rcx));
        }

        return new HypercallBody(null, [], Rax, answer.Rax) { Accepts = s_isCall.Method, Examined = [Rax, Rdx], Others = others };
    }

    public static string NameOf(ulong number) => Array.Find(s_rows, row => row.Number == (ushort)number)?.Name ?? "";

    private static Row? Find(VmwareFeatures features, ushort number) => Array.Find(s_rows, row => row.Number == number && (row.Feature & ~features) == 0);

    /// <summary>10. EBX gives the magic number back, which no port does that is not the back door.</summary>
    private static Answer GetVersion(uint frequency) => new(InterfaceVersion, Magic, ServerProduct);

    /// <summary>45. The TSC's frequency in EAX and EBX, the APIC timer's in ECX.</summary>
    private static Answer GetFrequency(uint frequency) => new(frequency, 0, frequency);

    /// <summary>What a command leaves in registers; null where it leaves them alone.</summary>
    private readonly record struct Answer(uint Rax, uint? Rbx = null, uint? Rcx = null);

    /// <param name="Number">In CX.</param>
    /// <param name="Name">As open-source guests call it.</param>
    /// <param name="Feature">Without which it is not there.</param>
    /// <param name="Tell">Its answer, by the frequency; null for the command that places the steal clock.</param>
    private sealed record Row(ushort Number, string Name, VmwareFeatures Feature, Func<uint, Answer>? Tell);
}
