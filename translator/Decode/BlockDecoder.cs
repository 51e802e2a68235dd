using Iced.Intel;
using Jitvmm.Runtime.CodeCache;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Interpret;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Paravirt;
using Jitvmm.Translator.Handlers;
using Jitvmm.Translator.Ir;
using Jitvmm.Translator.Lift;

namespace Jitvmm.Translator.Decode;

/// <summary>
/// Makes translation blocks: decodes to the next branch, drops flag computations nobody reads, joins compares
/// with their branches, and picks each instruction's handler.
/// </summary>
public sealed unsafe class BlockDecoder : IBlockTranslator
{
    /// <summary>Longest block, in instructions: bounds the time between safepoints and the work an invalidation throws away.</summary>
    public const int MaxInstructions = 64;

    internal const int MaxInstructionBytes = 15;

    /// <summary>Invalidations of a page that do not count: loaders relocate, JITs fill a page bit by bit.</summary>
    private const int FreeRewrites = 4;

    private const int MaxThresholdShift = 32;

    /// <summary>RSP's number, and how far from it these instructions reach.</summary>
    private const int StackPointer = 4;
    private const ulong StackReach = 8;

    private readonly GuestCodeReader _reader = new();
    private readonly Decoder _decoder;
    private readonly Instruction[] _instructions = new Instruction[MaxInstructions];
    private readonly bool[] _flagsLive = new bool[MaxInstructions];
    private bool _needsFlags;
    private readonly IrBuilder _ir = new();
    private readonly HandlerSet _handlers;
    private readonly GuardPlan _guards;
    private readonly ulong _hotThreshold;
    private readonly int _maxInstructions;
    private Decoder? _decoder16;
    private Decoder? _decoder32;
    private Lifter? _lifter;

    /// <param name="handlers">What blocks are made of.</param>
    /// <param name="hotThreshold">Executions after which a block is offered to tier 1; 0 for never.</param>
    /// <param name="maxInstructions">Longest block.</param>
    public BlockDecoder(HandlerSet handlers, ulong hotThreshold, int maxInstructions = MaxInstructions)
    {
        _maxInstructions = maxInstructions;
        _handlers = handlers;
        _guards = new GuardPlan(handlers);
        _decoder = Decoder.Create(64, _reader);
        _hotThreshold = hotThreshold;
    }

    /// <summary>Where hypercalls that are decoded are entered, and code that is not the guest's; null when the guest has nobody to call.</summary>
    public HypercallSites? Sites { get; init; }

    public TranslationBlock? Translate(CodeCache cache, in CodeLocation location)
    {
        int count = cache.Memory is PhysicalMemory physical
            ? DecodePage(physical, location, _instructions.AsSpan(0, _maxInstructions), out bool undefinedEnd)
            : Decode((AddressSpace)cache.Memory, location.Address, _instructions.AsSpan(0, _maxInstructions), out undefinedEnd);
        if (count < 0)
        {
            return null;
        }

        MarkLiveFlags(count);
        return Build(cache, location, count, undefinedEnd);
    }

    /// <summary>
    /// Decodes one block of a machine guest, which ends with its page at the latest, or the one instruction that straddles two. Results as of
    /// Decode.
    /// </summary>
    public int DecodePage(PhysicalMemory memory, in CodeLocation location, Span<Instruction> instructions, out bool undefinedEnd)
    {
        Decoder decoder = DecoderFor(location.Mode);
        ulong left = GuestPages.PageSize - (location.Physical & (GuestPages.PageSize - 1));
        byte* start = CodeAt(memory, location.Physical);
        if (location.NextPage == 0)
        {
            _reader.Set(start, start + left);
            bool isSingle = (location.Mode & CodeMode.Single) != 0;
            return DecodeFrom(decoder, location.Address, isSingle ? instructions[..1] : instructions, out undefinedEnd);
        }

        byte* joined = stackalloc byte[2 * MaxInstructionBytes];
        _reader.Set(joined, joined + Join(memory, location, joined));
        return DecodeFrom(decoder, location.Address, instructions[..1], out undefinedEnd);
    }

    /// <summary>Brings the bytes of an instruction that straddles two pages together; how many.</summary>
    private int Join(PhysicalMemory memory, in CodeLocation location, byte* joined)
    {
        ulong left = GuestPages.PageSize - (location.Physical & (GuestPages.PageSize - 1));
        ulong first = Math.Min(left, MaxInstructionBytes);
        Buffer.MemoryCopy(CodeAt(memory, location.Physical), joined, first, first);
        Buffer.MemoryCopy(CodeAt(memory, location.NextPage), joined + first, MaxInstructionBytes, MaxInstructionBytes);
        return (int)first + MaxInstructionBytes;
    }

    /// <summary>
    /// Decodes one block into <paramref name="instructions"/>: the number of good instructions, or −1 when not
    /// even the first byte can be fetched. <paramref name="undefinedEnd"/> says that an undefined opcode follows.
    /// </summary>
    public int Decode(AddressSpace memory, ulong address, Span<Instruction> instructions, out bool undefinedEnd)
    {
        undefinedEnd = false;
        ulong available = FetchableBytes(memory, address, (ulong)(instructions.Length * MaxInstructionBytes));
        if (available == 0)
        {
            return -1;
        }

        byte* start = memory.HostBase + address;
        _reader.Set(start, start + available);
        return DecodeFrom(_decoder, address, instructions, out undefinedEnd);
    }

    /// <summary>What is decoded for a physical address: the guest's bytes, or the VMM's own code.</summary>
    private byte* CodeAt(GuestPages memory, ulong physical) => Sites?.Page is { } page && page.Owns(physical) ? page.CodeAt(physical) : memory.HostBase + physical;

    private Decoder DecoderFor(CodeMode mode)
    {
        if ((mode & CodeMode.Long) != 0)
        {
            return _decoder;
        }

        return (mode & CodeMode.Bits32) != 0 ? _decoder32 ??= Decoder.Create(32, _reader) : _decoder16 ??= Decoder.Create(16, _reader);
    }

    private int DecodeFrom(Decoder decoder, ulong address, Span<Instruction> instructions, out bool undefinedEnd)
    {
        undefinedEnd = false;
        decoder.IP = address;
        int count = 0;
        bool isShadowed = false;
        while (count < instructions.Length)
        {
            ref Instruction instruction = ref instructions[count];
            decoder.Decode(out instruction);
            if (instruction.IsInvalid)
            {
                // Out of bytes: the block falls through to the address and faults there. Else it is #UD.
                bool truncated = decoder.LastError == DecoderError.NoMoreBytes;
                undefinedEnd = !truncated;
                if (count == 0 && truncated)
                {
                    return -1;
                }

                break;
            }

            count++;
            if (Lifter.EndsBlock(instruction) || Lifter.NeedsSafepoint(instruction) || Lifter.LeavesCompiledCode(instruction) || isShadowed)
            {
                break;
            }

            isShadowed = Lifter.ShadowsInterrupts(instruction);
        }

        return count;
    }

    public bool HasChanged(CodeCache cache, in CodeLocation location)
    {
        byte* joined = stackalloc byte[2 * MaxInstructionBytes];
        byte* now = CodeAt(cache.Memory, location.Physical);
        if (location.NextPage != 0)
        {
            Join((PhysicalMemory)cache.Memory, location, joined);
            now = joined;
        }

        return !_reader.Bytes.SequenceEqual(new ReadOnlySpan<byte>(now, _reader.Bytes.Length));
    }

    public bool IsStackAccess(GuestPages memory, CpuState* cpu, in CodeLocation location, ulong address)
    {
        Span<Instruction> instruction = _instructions.AsSpan(0, 1);
        int count = memory is PhysicalMemory physical
            ? DecodePage(physical, location, instruction, out _)
            : Decode((AddressSpace)memory, location.Address, instruction, out _);
        if (count != 1)
        {
            return false;
        }

        bool hasOperand = HasMemoryOperand(instruction[0]);
        if (hasOperand && instruction[0].MemorySegment == Register.SS)
        {
            return true;
        }

        // PUSH, POP and CALL with an operand of another segment: the slot is what lies at RSP.
        return instruction[0].IsStackInstruction && (!hasOperand || address - cpu->Gpr[StackPointer] + StackReach <= 2 * StackReach);
    }

    private static bool HasMemoryOperand(in Instruction instruction)
    {
        for (int operand = 0; operand < instruction.OpCount; operand++)
        {
            if (instruction.GetOpKind(operand) == OpKind.Memory)
            {
                return true;
            }
        }

        return false;
    }

    private static ulong FetchableBytes(AddressSpace memory, ulong address, ulong wanted)
    {
        ulong end = address;
        while (end < address + wanted && (memory.AccessOf(end) & PageAccess.Execute) != 0)
        {
            end = (end | (AddressSpace.PageSize - 1)) + 1;
        }

        return Math.Min(end - address, wanted);
    }

    /// <summary>Backward over the block: an instruction's flags are live unless all are overwritten before any is read.</summary>
    private void MarkLiveFlags(int count)
    {
        const RflagsBits Status = RflagsBits.OF | RflagsBits.SF | RflagsBits.ZF | RflagsBits.AF | RflagsBits.CF | RflagsBits.PF;
        RflagsBits live = Status;
        for (int i = count - 1; i >= 0; i--)
        {
            ref Instruction instruction = ref _instructions[i];
            RflagsBits written = instruction.RflagsModified & Status;
            _flagsLive[i] = (written & live) != 0 || IsFloatCompare(instruction.Mnemonic);
            if (!Lifter.MayKeepFlags(instruction))
            {
                live &= ~written;
            }

            live |= instruction.RflagsRead & Status;
        }

        _needsFlags = live != RflagsBits.None;
    }

    /// <summary>The handlers of these without flags would compare nothing, and MXCSR's flags would be lost.</summary>
    private static bool IsFloatCompare(Mnemonic mnemonic) => mnemonic is Mnemonic.Comiss or Mnemonic.Comisd or Mnemonic.Ucomiss or Mnemonic.Ucomisd
        or Mnemonic.Vcomiss or Mnemonic.Vcomisd or Mnemonic.Vucomiss or Mnemonic.Vucomisd;

    private TranslationBlock? Build(CodeCache cache, in CodeLocation location, int count, bool undefinedEnd)
    {
        ulong address = location.Address;
        // One record per instruction, the head, its guard, and the end or the targets of a computed jump; a checked instruction needs three, and some have guards.
        bool checks = cache.ChecksFloatExceptions;
        ulong end = count > 0 ? _instructions[count - 1].NextIP : address + 1;
        bool isSingle = (location.Mode & CodeMode.Single) != 0;
        _guards.Make(location.Mode, _instructions.AsSpan(0, count));
        TbOp* ops = cache.Allocate((checks ? 3 * count : count) + _guards.Count + 3);
        if (ops == null)
        {
            return null;
        }

        TbOp* op = ops;
        op->Address = address;
        op->R0 = location.NextPage != 0 ? (ushort)1 : (ushort)0;
        op->R1 = _needsFlags ? (ushort)0 : (ushort)1;
        op->Displacement = ThresholdOf(cache, location, count);
        SetHandler(op++, _handlers.Enter);
        if ((location.Mode & CodeMode.CheckedSegments) != 0)
        {
            _guards.WriteLimit(op++, address, end);
        }

        for (int i = 0; i < count; i++)
        {
            ref Instruction instruction = ref _instructions[i];
            op = _guards.Write(op, i);
            bool isChecked = checks && RaisesFloatExceptions(instruction);
            if (isChecked)
            {
                op->Address = instruction.IP;
                SetHandler(op++, _handlers.CheckFloat);
            }

            if (Sites != null && Lifter.IsHypercall(instruction.Code))
            {
                op->Immediate = (ulong)EnterSite(location, i);
            }

            i += WriteInstruction(op++, location.Mode, i, count);
            if (isChecked)
            {
                op->Address = instruction.NextIP;
                SetHandler(op++, _handlers.Records.Return);
            }
        }

        JumpTargets* targets = null;
        if (count > 0 && Lifter.NotesTargets(_instructions[count - 1]))
        {
            targets = JumpTargets.Of(op - 1);
            *op++ = default;
        }

        if (count == 0 || undefinedEnd || !Lifter.EndsBlock(_instructions[count - 1]))
        {
            op->Address = count > 0 ? end : address;
            nint last = isSingle ? _handlers.Records.Stale : _handlers.FallThrough;
            SetHandler(op++, undefinedEnd ? _handlers.Undefined : last);
        }

        return new TranslationBlock(location, undefinedEnd && count > 0 ? end + 1 : end, ops, (int)(op - ops), count) { Targets = targets };
    }

    private int EnterSite(in CodeLocation location, int index)
    {
        ref Instruction instruction = ref _instructions[index];
        HypercallInstruction kind = instruction.Code == Code.Vmcall ? HypercallInstruction.Vmcall : HypercallInstruction.Vmmcall;
        ulong physical = location.Physical + (instruction.IP - location.Address);
        return Sites!.Enter(instruction.IP, physical, kind, HypercallNumber.Before(_instructions, index, Sites.NumberRegister));
    }

    /// <summary>Fills the record of an instruction; 1 when the branch behind it is in it too.</summary>
    private int WriteInstruction(TbOp* op, CodeMode mode, int i, int count)
    {
        ref Instruction instruction = ref _instructions[i];
        bool isLong = (mode & CodeMode.Long) != 0;
        if (isLong)
        {
            HandlerForms.Fill(op, instruction);
        }
        else
        {
            HandlerForms.FillLegacy(op, instruction, (mode & CodeMode.WideStack) != 0 ? uint.MaxValue : ushort.MaxValue);
        }

        int addressing = isLong ? HandlerForms.AddressingOf(instruction) : HandlerForms.LegacyAddressingOf(instruction);
        if (i + 1 < count && !_guards.Has(i + 1) && TryFuse(op, instruction, addressing, _instructions[i + 1], _flagsLive[i]))
        {
            return 1;
        }

        int prefix = isLong ? HandlerForms.PrefixOf(instruction) : HandlerForms.LegacyPrefixOf(instruction);
        nint handler = _handlers.Find(HandlerForm.Key((int)instruction.Code, addressing, prefix, _flagsLive[i]));
        SetHandler(op, handler != 0 ? handler : _handlers.Undefined);
        return 0;
    }

    /// <summary>
    /// Doubles with every other time the page's code was rewritten, beyond the first few: a loop that rewrites itself stays
    /// in tier 0, and what compiling costs in total stays below what the guest runs.
    /// </summary>
    private ulong ThresholdOf(CodeCache cache, in CodeLocation location, int count)
    {
        int rewrites = cache.RewritesOf(location.Physical, count > 0 ? _instructions[count - 1].NextIP - location.Address : 1);
        return _hotThreshold << Math.Clamp((rewrites - FreeRewrites) / 2, 0, MaxThresholdShift);
    }

    /// <summary>The lift knows; decoding for a guest that unmasks exceptions may be slow.</summary>
    private bool RaisesFloatExceptions(in Instruction instruction)
    {
        _lifter ??= new Lifter(_ir);
        _ir.Clear();
        return _lifter.TryLift(instruction) && _lifter.RaisesFloatExceptions;
    }

    private bool TryFuse(TbOp* op, in Instruction first, int addressing, in Instruction branch, bool flags)
    {
        if (!branch.Code.IsJccShortOrNear())
        {
            return false;
        }

        if (!HandlerForms.CanFuse(first, addressing))
        {
            return false;
        }

        int condition = ConditionNumber(branch.ConditionCode);
        nint handler = _handlers.Find(HandlerForm.Key((int)first.Code, addressing, HandlerForm.NoPrefix, flags, condition));
        if (handler == 0)
        {
            return false;
        }

        op->Length = (byte)(first.Length + branch.Length);
        op->Relative = (int)(long)(branch.NearBranchTarget - branch.NextIP);
        op->Target = null;
        SetHandler(op, handler);
        return true;
    }

    private static int ConditionNumber(ConditionCode code) => code switch
    {
        ConditionCode.o => 0,
        ConditionCode.no => 1,
        ConditionCode.b => 2,
        ConditionCode.ae => 3,
        ConditionCode.e => 4,
        ConditionCode.ne => 5,
        ConditionCode.be => 6,
        ConditionCode.a => 7,
        ConditionCode.s => 8,
        ConditionCode.ns => 9,
        ConditionCode.p => 10,
        ConditionCode.np => 11,
        ConditionCode.l => 12,
        ConditionCode.ge => 13,
        ConditionCode.le => 14,
        _ => 15,
    };

    private static void SetHandler(TbOp* op, nint handler) => *(nint*)&op->Handler = handler;
}
