using Iced.Intel;

namespace Jitvmm.Tests.Differential;

/// <summary>
/// Random code of several instructions: flags that live or die across them, memory operands, forward branches,
/// and, if asked, a counted loop around it all. Instructions that would read what an earlier one leaves undefined
/// are not chosen.
/// </summary>
public sealed class BlockGenerator
{
    /// <summary>RBP, RSI, RDI and R12 hold addresses of test memory throughout; RSP does too.</summary>
    public static readonly int[] AddressRegisters = [5, 6, 7, 12];

    /// <summary>R14 counts a loop's iterations.</summary>
    public const int CounterRegister = 14;

    public const int MaxBytes = 512;

    private const int MinInstructions = 5;
    private const int MaxInstructions = 30;

    private static readonly Code[] s_integer = Pool(code => IsInteger(code));
    private static readonly Code[] s_vector = Pool(code => !IsInteger(code) && !IsX87(code));
    private static readonly Code[] s_x87 = Pool(IsX87);
    private static readonly Code[] s_branches = [.. Enum.GetValues<Code>().Where(code => code.IsJccShortOrNear() && IsBranch64(code))];

    private readonly CaseRandom _random;
    private readonly InstructionInfoFactory _info = new();
    private readonly bool _loops;
    private readonly Dictionary<int, UndefinedState> _joins = [];

    private readonly bool _integerOnly;

    public BlockGenerator(CaseRandom random, bool loops, bool integerOnly)
    {
        _random = random;
        _loops = loops;
        _integerOnly = integerOnly;
    }

    public TestProgram Build(ulong codeAddress)
    {
        int count = MinInstructions + _random.Below(MaxInstructions - MinInstructions + 1);
        var chosen = new List<Instruction>();
        var targets = new Dictionary<int, int>();
        UndefinedState undefined = _loops ? UndefinedState.AnyCondition : default;
        _joins.Clear();
        int style = _integerOnly ? 0 : _random.Below(4);
        for (int i = 0; i < count; i++)
        {
            if (_joins.TryGetValue(i, out UndefinedState joined))
            {
                undefined = undefined.Join(joined);
            }

            Instruction instruction;
            if (i + 1 < count && _random.Percent(10) && TryBranch(undefined, out instruction))
            {
                int target = Math.Min(count, i + 1 + _random.Below(6));
                targets[i] = target;
                _joins[target] = _joins.TryGetValue(target, out UndefinedState known) ? known.Join(undefined) : undefined;
            }
            else
            {
                instruction = Pick(style, undefined);
                undefined = undefined.After(instruction);
            }

            chosen.Add(instruction);
        }

        if (_loops)
        {
            AppendLoopEnd(chosen, targets);
        }

        return Assemble(codeAddress, chosen, targets);
    }

    private static void AppendLoopEnd(List<Instruction> chosen, Dictionary<int, int> targets)
    {
        chosen.Add(Instruction.Create(Code.Sub_rm64_imm8, Register.R14, 1));
        targets[chosen.Count] = 0;
        chosen.Add(Instruction.CreateBranch(Code.Jne_rel32_64, 0));
    }

    private bool TryBranch(UndefinedState undefined, out Instruction branch)
    {
        branch = Instruction.CreateBranch(_random.Pick<Code>(s_branches), 0);
        return !undefined.Reaches(branch);
    }

    private Instruction Pick(int style, UndefinedState undefined)
    {
        while (true)
        {
            int kind = _random.Below(10);
            Code[] pool = style switch
            {
                0 => s_integer,
                1 => kind < 5 ? s_integer : s_vector,
                2 => kind < 7 ? s_integer : kind < 9 ? s_vector : s_x87,
                _ => kind < 3 ? s_integer : kind < 5 ? s_vector : s_x87,
            };
            TestProgram? single = new FormEncoder(_random) { UseBlockRegisters = true }.Build(_random.Pick<Code>(pool), _random.Below(64), TestLayout.CodeBase);
            if (single is not null && !(IsLikelyFault(single.Instructions[0]) && _random.Percent(80)) && !undefined.Reaches(single.Instructions[0]) && KeepsReserved(single.Instructions[0])
                && !ReachesAnywhere(single.Instructions[0]))
            {
                return single.Instructions[0];
            }
        }
    }

    /// <summary>With random operands these mostly fault and end the block.</summary>
    private static bool IsLikelyFault(in Instruction instruction) => instruction.HasRepPrefix || instruction.HasRepnePrefix
        || instruction.Mnemonic is Mnemonic.Div or Mnemonic.Idiv;

    /// <summary>A bit offset in a register of 32 bits reaches code as well, whose bytes are not the same on both sides.</summary>
    private static bool ReachesAnywhere(in Instruction instruction) =>
        instruction.Mnemonic is Mnemonic.Bt or Mnemonic.Bts or Mnemonic.Btr or Mnemonic.Btc && instruction.Op0Kind == OpKind.Memory
        && instruction.Op1Kind == OpKind.Register && instruction.Op1Register.GetSize() > 2;

    /// <summary>Address registers and the loop counter must survive; string and stack instructions move theirs by a little.</summary>
    private bool KeepsReserved(in Instruction instruction)
    {
        bool moves = instruction.IsStringInstruction || instruction.IsStackInstruction;
        foreach (UsedRegister used in _info.GetInfo(instruction).GetUsedRegisters())
        {
            if (used.Access is OpAccess.Read or OpAccess.CondRead or OpAccess.NoMemAccess or OpAccess.None)
            {
                continue;
            }

            Register full = used.Register.GetFullRegister();
            bool isAddress = full == Register.RSP || (full.IsGPR64() && Array.IndexOf(AddressRegisters, full.GetNumber()) >= 0);
            if (full == Register.R14 || (isAddress && !(moves && IsImplicit(instruction, full))))
            {
                return false;
            }
        }

        return true;
    }

    private static bool IsImplicit(in Instruction instruction, Register full)
    {
        for (int i = 0; i < instruction.OpCount; i++)
        {
            if (instruction.GetOpKind(i) == OpKind.Register && instruction.GetOpRegister(i).GetFullRegister() == full)
            {
                return false;
            }
        }

        return true;
    }

    private TestProgram Assemble(ulong codeAddress, List<Instruction> chosen, Dictionary<int, int> targets)
    {
        // Lengths do not depend on addresses: branches are near and displacements keep their size.
        var addresses = new ulong[chosen.Count + 1];
        ulong address = codeAddress;
        for (int i = 0; i < chosen.Count; i++)
        {
            addresses[i] = address;
            Instruction instruction = chosen[i];
            if (targets.ContainsKey(i))
            {
                instruction.NearBranch64 = address;
            }

            address += (ulong)Encoded(instruction, address).Length;
        }

        addresses[^1] = address;
        var bytes = new List<byte>();
        for (int i = 0; i < chosen.Count; i++)
        {
            Instruction instruction = chosen[i];
            if (targets.TryGetValue(i, out int target))
            {
                instruction.NearBranch64 = addresses[target];
            }

            bytes.AddRange(Encoded(instruction, addresses[i]));
        }

        int end = bytes.Count;
        for (int i = 0; i < TestProgram.TerminatorLength; i++)
        {
            bytes.Add(TestProgram.BreakpointOpcode);
        }

        return TestProgram.FromBytes(codeAddress, [.. bytes], 0, [end]);
    }

    private static byte[] Encoded(in Instruction instruction, ulong address) =>
        TestProgram.Encode(instruction, address) ?? throw new InvalidOperationException($"{instruction} does not encode again at {address:x}.");

    private static Code[] Pool(Func<Code, bool> accept) =>
        [.. FormCatalog.All.Where(form => form.IsCompared && IsStraight(form.Code) && accept(form.Code)).Select(form => form.Code)];

    private static bool IsStraight(Code code)
    {
        OpCodeInfo op = code.ToOpCode();
        Mnemonic mnemonic = code.Mnemonic();
        return code.FlowControl() == FlowControl.Next && !op.IsPrivileged && !op.MustBeCpl0 && !op.IsInputOutput && !op.IsSaveRestore
            && !UndefinedState.IsTranscendental(mnemonic)
            && mnemonic is not (Mnemonic.Wrfsbase or Mnemonic.Wrgsbase or Mnemonic.Popf or Mnemonic.Popfq or Mnemonic.Enter or Mnemonic.Leave
                or Mnemonic.Ldmxcsr or Mnemonic.Vldmxcsr or Mnemonic.Fldcw or Mnemonic.Fldenv or Mnemonic.Fnstenv or Mnemonic.Fnsave or Mnemonic.Frstor or Mnemonic.Ud0 or Mnemonic.Ud1
                or Mnemonic.Shld or Mnemonic.Shrd or Mnemonic.Sti or Mnemonic.Cli or Mnemonic.Xlatb);
    }

    private static bool IsInteger(Code code) => code != Code.Wait && !code.CpuidFeatures().Any(feature => feature is CpuidFeature.FPU or CpuidFeature.FPU287 or CpuidFeature.FPU387
        or CpuidFeature.MMX or CpuidFeature.SSE or CpuidFeature.SSE2 or CpuidFeature.SSE3 or CpuidFeature.SSSE3 or CpuidFeature.SSE4_1 or CpuidFeature.SSE4_2
        or CpuidFeature.AVX or CpuidFeature.AVX2 or CpuidFeature.FMA or CpuidFeature.F16C or CpuidFeature.AES or CpuidFeature.PCLMULQDQ or CpuidFeature.SHA
        or CpuidFeature.VAES or CpuidFeature.VPCLMULQDQ);

    private static bool IsX87(Code code) =>
        code == Code.Wait || code.CpuidFeatures().Any(feature => feature is CpuidFeature.FPU or CpuidFeature.FPU287 or CpuidFeature.FPU387 or CpuidFeature.MMX);

    private static bool IsBranch64(Code code) => code.ToOpCode().Op0Kind == OpCodeOperandKind.br64_4;
}
