using System.Reflection.Emit;
using Iced.Intel;
using Jitvmm.Inspector.Files;
using Jitvmm.Inspector.Reports;
using Jitvmm.Runtime.CodeCache;
using Jitvmm.Runtime.Memory;
using Jitvmm.Translator.Emit;
using Jitvmm.Translator.Handlers;
using Jitvmm.Translator.Ir;
using Jitvmm.Translator.Lift;
using Jitvmm.Translator.Passes;
using Jitvmm.Translator.Regions;

namespace Jitvmm.Inspector.Translation;

/// <summary>
/// A region made again from what a cache file has of it: the bytes of its blocks, which of them it may be entered at, and the code it relied on outside. Nothing of the file is executed.
/// </summary>
public sealed unsafe class RegionTranslation
{
    /// <summary>Blocks of a region, and those it may rely on: two ways out of each at most.</summary>
    private const int MostParts = 256;

    private readonly CacheFile _file;
    private readonly RegionRecord _region;
    private readonly List<RegionBlock> _blocks = [];
    private readonly Dictionary<ulong, StatusFlags> _readAt = [];
    private readonly Action<RegionTranslation, string>? _done;

    private RegionTranslation(CacheFile file, in RegionRecord region, Action<RegionTranslation, string>? done)
    {
        _file = file;
        _region = region;
        _done = done;
        Flow = new RegionFlow([], false);
    }

    /// <summary>Its blocks in address order, with IR and what is dead of it.</summary>
    public IReadOnlyList<RegionBlock> Blocks => _blocks;

    /// <summary>What the passes find out about it that cannot be right; null when nothing is.</summary>
    public string? FlowProblem => FlowVerifier.FirstProblem(_blocks, Flow, Access == RegionAccess.Paged);

    private RegionFlow Flow { get; set; }

    private RegionAccess Access => (RegionAccess)_region.Access;

    private HandlerSet Handlers => Access == RegionAccess.Paged ? HandlerSet.ForMachine() : HandlerSet.Direct;

    /// <summary>Lifts a region again and runs the passes over it.</summary>
    /// <param name="file">The file.</param>
    /// <param name="region">The region.</param>
    /// <param name="done">Told when the blocks were lifted, and of each pass when it has run.</param>
    /// <returns>Null when that cannot be done, and why.</returns>
    public static (RegionTranslation? Translation, string? Problem) Make(CacheFile file, in RegionRecord region, Action<RegionTranslation, string>? done = null)
    {
        ArgumentNullException.ThrowIfNull(file);
        RegionTranslation translation = new(file, region, done);
        try
        {
            string? problem = translation.Lift();
            return problem == null ? (translation, null) : (null, problem);
        }
        catch (Exception error) when (error is InvalidOperationException or NotSupportedException or ArgumentException or KeyNotFoundException or IndexOutOfRangeException)
        {
            // What no translator made: the file is somebody else's.
            return (null, $"it cannot be translated again: {error.Message}");
        }
    }

    /// <summary>The IL that it has.</summary>
    /// <returns>Null when there can be none, and why.</returns>
    public (IlListing? Listing, string? Problem) ListIl() => Guarded(() => RegionEmitter.List(_blocks, Flow, Access, Handlers));

    /// <summary>Writes the IL that it has into a method of <see cref="RegionEmitter.Signature"/>.</summary>
    /// <returns>Null when there can be none, and why: nothing was written then.</returns>
    internal (IlListing? Listing, string? Problem) EmitInto(Func<ILGenerator> il) =>
        ListIl() is (null, var problem) ? (null, problem) : (RegionEmitter.EmitInto(il(), _blocks, Flow, Access, Handlers), null);

    /// <summary>Compiles it again and reads the host code, which is not run.</summary>
    /// <returns>Null when it cannot be compiled, and why.</returns>
    public (byte[]? HostCode, string? Problem) Compile() => Guarded(() =>
    {
        using RegionCounters counters = new();
        Region region = RegionEmitter.Compile(_blocks, Flow, Access, [], Handlers, counters);
        return HostCodeReader.Read(region.Code);
    });

    private static (T? Result, string? Problem) Guarded<T>(Func<T> make)
        where T : class
    {
        try
        {
            return (make(), null);
        }
        catch (Exception error) when (error is InvalidOperationException or InvalidProgramException or NotSupportedException or ArgumentException or KeyNotFoundException or NullReferenceException)
        {
            return (null, $"it cannot be emitted again: {error.Message}");
        }
    }

    private string? Lift()
    {
        var lifter = new RegionLifter(Access == RegionAccess.Paged, null);
        Dictionary<ulong, RegionBlock> chosen = [];
        BlockRecord head = _file.Blocks[(int)_region.Head];
        var mode = (CodeMode)head.Mode;
        if (_region.Parts > MostParts)
        {
            return "it has more blocks than a region can have";
        }

        if ((mode & CodeMode.Long) == 0)
        {
            return "its code is not 64-bit code";
        }

        foreach (RegionPartRecord part in _file.PartsOf(_region))
        {
            BlockRecord record = _file.Blocks[(int)part.Block];
            Instruction[] instructions = GuestCode.Decode(_file, record);
            if (Array.Exists(instructions, static instruction => Lifter.IsHypercall(instruction.Code)))
            {
                return "it makes hypercalls, whose meaning the file does not have";
            }

            if (part.Entry == RegionPartRecord.Dependency)
            {
                _readAt[record.Address] = FlagUse.ReadBy(instructions);
                continue;
            }

            if (instructions.Length == 0 || chosen.ContainsKey(record.Address))
            {
                return $"block {record.Address:x} has no instructions, or is there twice";
            }

            if (lifter.Lift(SourceOf(record, part.Block, _region.KeepsNanOrder != 0), instructions, mode, null, record.ChecksFloat != 0) is not { } block)
            {
                return $"block {record.Address:x} cannot be lifted";
            }

            block.Entry = part.Entry;
            chosen.Add(record.Address, block);
            _blocks.Add(block);
        }

        return AddJumps(chosen) ?? Analyse(chosen, head.Address);
    }

    private string? AddJumps(Dictionary<ulong, RegionBlock> chosen)
    {
        foreach (RegionJumpRecord jump in _file.JumpsOf(_region))
        {
            ulong target = _file.Blocks[(int)jump.To].Address;
            if (!chosen.TryGetValue(_file.Blocks[(int)jump.From].Address, out RegionBlock? from) || !chosen.ContainsKey(target) || !Lifter.NotesTargets(from.Instructions[^1]))
            {
                return "a computed jump of it is not in it";
            }

            from.AddComputedTarget(target);
        }

        return null;
    }

    private string? Analyse(Dictionary<ulong, RegionBlock> chosen, ulong head)
    {
        if (!chosen.TryGetValue(head, out RegionBlock? first) || first.Entry != 0)
        {
            return "its head is not among its blocks";
        }

        int[] entries = [.. _blocks.Where(static block => block.Entry >= 0).Select(static block => block.Entry).Order()];
        if (!entries.SequenceEqual(Enumerable.Range(0, entries.Length)))
        {
            return "its entries are not numbered through";
        }

        if (_blocks.SelectMany(static block => new[] { block.Address >> GuestPages.PageShift, (block.Source.End - 1) >> GuestPages.PageShift }).Distinct().Count() > PageFlow.MaxPages)
        {
            return "its code is in more pages than a region's can be";
        }

        _blocks.Sort(static (a, b) => a.Address.CompareTo(b.Address));
        RegionLifter.MarkLoopHeads(_blocks, chosen);
        Flow = new RegionPasses(Access == RegionAccess.Paged, _region.AssumesPrivateMemory != 0, address => _readAt.GetValueOrDefault(address, StatusFlags.All)) { Done = name => _done?.Invoke(this, name) }.Run(_blocks, chosen);
        return null;
    }

    /// <summary>A block without records. The address in place of theirs is only compared with, by code that does not run.</summary>
    private static TranslationBlock SourceOf(in BlockRecord record, uint index, bool keepsNanOrder) => new(
        new CodeLocation(record.Address, record.Physical, (CodeMode)record.Mode) { NextPage = record.NextPage },
        record.End,
        (TbOp*)(0x7f00_0000_0000 + ((nint)index * TbOp.Size)),
        0,
        record.Instructions)
    { KeepsNanOrder = keepsNanOrder };
}
