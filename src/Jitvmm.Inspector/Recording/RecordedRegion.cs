using Jitvmm.Inspector.Files;
using Jitvmm.Translator.Regions;

namespace Jitvmm.Inspector.Recording;

/// <summary>A region as it is recorded.</summary>
internal sealed class RecordedRegion
{
    private readonly Dictionary<ulong, int> _partAt = [];
    private readonly RegionPartRecord[] _parts;
    private readonly Dictionary<(ExitKind Kind, ulong Address), ulong> _exits = [];
    private RegionCounters? _counters;

    public RecordedRegion(Region region, byte[] hostCode, uint made, Func<Runtime.CodeCache.TranslationBlock, uint?> indexOf)
    {
        HostCode = hostCode;
        _counters = region.Counters;
        var parts = new List<RegionPartRecord>();
        foreach (Runtime.CodeCache.TranslationBlock block in region.Blocks)
        {
            if (indexOf(block) is { } index)
            {
                int entry = region.Entries.FindIndex(entry => entry.Block == block);
                _partAt[block.Address] = parts.Count;
                parts.Add(new RegionPartRecord { Block = index, Entry = entry < 0 ? -1 : region.Entries[entry].Entry });
            }
        }

        foreach (Runtime.CodeCache.TranslationBlock block in region.Dependencies)
        {
            if (indexOf(block) is { } index)
            {
                parts.Add(new RegionPartRecord { Block = index, Entry = RegionPartRecord.Dependency });
            }
        }

        foreach ((Runtime.CodeCache.TranslationBlock from, Runtime.CodeCache.TranslationBlock to) in region.Jumps)
        {
            if (indexOf(from) is { } source && indexOf(to) is { } target)
            {
                Jumps.Add(new RegionJumpRecord { From = source, To = target });
            }
        }

        _parts = [.. parts];
        Record = new RegionRecord
        {
            HostAddress = (ulong)region.Code,
            HostLength = (uint)hostCode.Length,
            Instructions = (uint)region.InstructionCount,
            Made = made,
            Gone = uint.MaxValue,
            CompileTime = (uint)Math.Min(region.CompileTime.TotalMicroseconds, uint.MaxValue),
            Access = (byte)region.Access,
            KeepsNanOrder = (ushort)(region.KeepsNanOrder ? 1 : 0),
            AssumesPrivateMemory = (ushort)(region.AssumesPrivateMemory ? 1 : 0),
            Head = parts.Find(static part => part.Entry == 0).Block,
        };
    }

    /// <summary>What the file will have of it, without its places there.</summary>
    public RegionRecord Record;

    public byte[] HostCode { get; }

    /// <summary>Its blocks, and those it relied on, with the counts that <see cref="Count"/> found.</summary>
    public ReadOnlySpan<RegionPartRecord> Parts => _parts;

    public List<RegionJumpRecord> Jumps { get; } = [];

    /// <summary>How often it was left where.</summary>
    public IEnumerable<KeyValuePair<(ExitKind Kind, ulong Address), ulong>> Exits => _exits;

    /// <summary>Reads the counters as they are now. After <see cref="End"/>, they are what they were then.</summary>
    public void Count()
    {
        if (_counters == null)
        {
            return;
        }

        _exits.Clear();
        for (int i = 0; i < _counters.Count; i++)
        {
            (RegionEvent what, ulong address) = _counters[i];
            ulong count = _counters.Read(i);
            if (what != RegionEvent.Block)
            {
                (ExitKind, ulong) key = (ExitKinds.Of(what), address);
                _exits[key] = _exits.GetValueOrDefault(key) + count;
            }
            else if (_partAt.TryGetValue(address, out int part))
            {
                _parts[part].Executions = count;
            }
        }
    }

    /// <summary>No vCPU can be inside any more: its counters go.</summary>
    public void End()
    {
        Count();
        _counters?.Dispose();
        _counters = null;
    }
}
