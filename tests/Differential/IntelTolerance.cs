using System.Runtime.Intrinsics.X86;
using Iced.Intel;

namespace Jitvmm.Tests.Differential;

/// <summary>
/// What a host by Intel cannot judge: where the manuals differ or are silent the engine does as AMD's processors do, and Intel's do otherwise. Nearly all
/// of it shows only where an instruction faults.
/// </summary>
/// <param name="Everything">The two do not even agree on whether there is a fault, or which.</param>
/// <param name="FaultNearby">The fault may be reported at any byte of the operand.</param>
/// <param name="Flags">Status flags that Intel restores.</param>
/// <param name="X87">Intel enters MMX state before the access that faults.</param>
/// <param name="Memory">Intel stores what it can before it sees the fault.</param>
/// <param name="Mxcsr">Intel computes before the store that faults.</param>
/// <param name="UpperHalves">Intel clears the upper halves of RCX, RSI and RDI whatever a string instruction with 32-bit addresses does.</param>
/// <param name="Vectors">Bits of vector registers: Intel widens the mask of a gather and clears what is behind its destination before the element that faults.</param>
public readonly record struct IntelTolerance(bool Everything, bool FaultNearby, ulong Flags, bool X87, bool Memory, bool Mxcsr, bool UpperHalves, uint Vectors)
{
    private const ulong StatusFlags = 0x8d5;
    private const ulong StackFault = 12;
    private const ulong GeneralProtection = 13;
    private const ulong PageFault = 14;
    private const ulong FloatingPointError = 16;
    private const ulong SimdException = 19;

    // "Genu", of "GenuineIntel".
    private const int VendorName = 0x756e6547;

    public static bool IsIntelHost { get; } = X86Base.IsSupported && X86Base.CpuId(0, 0).Ebx == VendorName;

    /// <summary>For an outcome on this host and one in the engine.</summary>
    public static unsafe IntelTolerance For(TestProgram program, CaseOutput* expected, CaseOutput* actual)
    {
        if (!IsIntelHost)
        {
            return default;
        }

        bool upperHalves = program.Instructions.Exists(static instruction => instruction.IsStringInstruction && IsAddressedIn32Bits(instruction));
        if (upperHalves && program.Instructions.Count > 1)
        {
            // What follows reads them.
            return default(IntelTolerance) with { Everything = true };
        }

        if (expected->Signal == 0 && actual->Signal == 0)
        {
            return default(IntelTolerance) with { UpperHalves = upperHalves };
        }

        Instruction faulting = At(program, expected->Signal != 0 ? expected->State.Rip : actual->State.Rip);
        return AtFault(faulting, expected->Signal != 0 ? expected->Trap : ulong.MaxValue, actual->Trap) with { UpperHalves = upperHalves };
    }

    private static IntelTolerance AtFault(in Instruction faulting, ulong expected, ulong actual)
    {
        IntelTolerance nothing = default;
        if (expected == ulong.MaxValue)
        {
            // A store that an unmasked x87 exception withholds: AMD looks at its address even so.
            bool isLate = actual is GeneralProtection or StackFault or PageFault && faulting.Mnemonic is Mnemonic.Fst or Mnemonic.Fstp or Mnemonic.Fist or Mnemonic.Fistp
                or Mnemonic.Fisttp or Mnemonic.Fbstp;
            return nothing with { Everything = isLate };
        }

        if (faulting.Mnemonic == Mnemonic.Vcvtps2ph && expected is GeneralProtection or StackFault or PageFault or SimdException)
        {
            return nothing with { Mxcsr = true, Everything = expected != actual };
        }

        return expected switch
        {
            // Whether a pending x87 exception or a bad operand comes first.
            FloatingPointError when actual is GeneralProtection or StackFault or PageFault => nothing with { Everything = true },

            // SDM vol. 2 has SHA's operands aligned (exception type 4); AMD's processors take them anywhere.
            GeneralProtection when faulting.CpuidFeatures is [CpuidFeature.SHA] => nothing with { Everything = true },

            // Which of two faults of an operand that is neither aligned nor canonical comes first.
            GeneralProtection or StackFault when faulting.IsSaveRestoreInstruction => nothing with { Everything = true },
            GeneralProtection when faulting.Code == Code.Call_rm64 => nothing with { Memory = true },
            PageFault or GeneralProtection or StackFault when faulting.IsVsib =>
                nothing with { Vectors = (1u << faulting.Op0Register.GetNumber()) | (1u << faulting.Op2Register.GetNumber()) },
            PageFault => AtPageFault(faulting),
            GeneralProtection or StackFault => nothing with { X87 = UsesMmx(faulting) },
            _ => nothing,
        };
    }

    private static IntelTolerance AtPageFault(in Instruction faulting)
    {
        bool isLarge = faulting.IsSaveRestoreInstruction || faulting.Mnemonic is Mnemonic.Maskmovdqu or Mnemonic.Vmaskmovdqu or Mnemonic.Maskmovq
            or Mnemonic.Vmaskmovps or Mnemonic.Vmaskmovpd or Mnemonic.Vpmaskmovd or Mnemonic.Vpmaskmovq;

        // SDM vol. 2, REP: "the EFLAGS value is restored to the state prior to the execution of the instruction", for CMPS and SCAS.
        bool isCompare = faulting.Mnemonic is Mnemonic.Cmpsb or Mnemonic.Cmpsw or Mnemonic.Cmpsd or Mnemonic.Cmpsq
            or Mnemonic.Scasb or Mnemonic.Scasw or Mnemonic.Scasd or Mnemonic.Scasq;
        return new IntelTolerance
        {
            FaultNearby = isLarge,
            Flags = isCompare ? StatusFlags : 0,
            X87 = UsesMmx(faulting),
            Memory = faulting.Code is Code.Fstp_m80fp or Code.Fbstp_m80bcd,
        };
    }

    private static Instruction At(TestProgram program, ulong address) => program.Instructions.Find(instruction => instruction.IP == address);

    private static bool IsAddressedIn32Bits(Instruction instruction) =>
        Enumerable.Range(0, instruction.OpCount).Any(operand => instruction.GetOpKind(operand) is OpKind.MemorySegESI or OpKind.MemoryESEDI);

    private static bool UsesMmx(Instruction instruction) =>
        Enumerable.Range(0, instruction.OpCount).Any(operand => instruction.GetOpKind(operand) == OpKind.Register && instruction.GetOpRegister(operand).IsMM());
}
