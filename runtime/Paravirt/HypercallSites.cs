using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Jitvmm.Runtime.CodeCache;
using Jitvmm.Runtime.Cpu;

namespace Jitvmm.Runtime.Paravirt;

/// <summary>
/// The registry of a machine's hypercall sites. It follows the code: a site enters it when it is decoded, and what a rewrite made of it is another site. Its lock is a leaf.
/// </summary>
/// <param name="numberRegister">The general register that holds a call's number.</param>
/// <param name="numberMask">The bits of it that are the number.</param>
public sealed unsafe class HypercallSites(int numberRegister, ulong numberMask = ulong.MaxValue)
{
    /// <summary>Sites told apart; what a guest makes beyond them is counted under number 0.</summary>
    public const int Capacity = 4096;

    private readonly Lock _gate = new();
    private readonly List<HypercallSite> _sites = [];
    private readonly Dictionary<ulong, HypercallSite> _current = [];
    private readonly List<nint> _counts = [];
    private readonly ulong[] _countedBefore = new ulong[Capacity];
    private volatile HypercallEntry? _entry;

    /// <summary>Of each site in <see cref="Page"/>, the physical address behind its first byte; 0 of others.</summary>
    private readonly ulong[] _entries = new ulong[Capacity];

    /// <summary>Number of the general register in which callers pass a call's number.</summary>
    public int NumberRegister => numberRegister;

    /// <summary>The bits of that register that are the number.</summary>
    public ulong NumberMask => numberMask;

    /// <summary>The page whose code is the VMM's; null when the interface has none.</summary>
    public HypercallPage? Page { get; internal set; }

    /// <summary>Where <see cref="Page"/> is called, the latest of several such places; null before it was.</summary>
    public HypercallEntry? Entry => _entry;

    /// <summary>All sites ever met, in order; a copy.</summary>
    public IReadOnlyList<HypercallSite> All
    {
        get
        {
            lock (_gate)
            {
                return [.. _sites];
            }
        }
    }

    /// <summary>Counts a hypercall. Compiled code has this inline.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Count(CpuState* cpu, int site) => ((ulong*)cpu->System.HypercallCounts)[site]++;

    /// <summary>How often a site was taken, by all processors; those that run may be a few ahead.</summary>
    public ulong TimesTaken(int index)
    {
        lock (_gate)
        {
            ulong times = _countedBefore[index];
            foreach (nint counts in _counts)
            {
                times += Volatile.Read(ref ((ulong*)counts)[index]);
            }

            return times;
        }
    }

    /// <summary>A hypercall was decoded: the number of its site.</summary>
    public int Enter(ulong address, ulong physical, HypercallInstruction instruction, ulong? number)
    {
        number &= numberMask;
        lock (_gate)
        {
            bool isEntry = Page?.Owns(physical) == true;
            HypercallSiteKind kind = isEntry ? HypercallSiteKind.Page : HypercallSiteKind.Instruction;
            if (At(address, physical, instruction, kind, number) is not { } site)
            {
                return 0;
            }

            site.Number ??= number;
            NoteEntry(site.Index, isEntry, address, physical);
            return site.Index;
        }
    }

    /// <summary>A call into <see cref="Page"/> was made: the number of its site.</summary>
    /// <param name="returnsTo">The address behind the call.</param>
    /// <param name="physical">Where the call's last byte is.</param>
    /// <param name="number">What was called.</param>
    public int EnterCall(ulong returnsTo, ulong physical, ulong number)
    {
        lock (_gate)
        {
            if (At(returnsTo, physical, HypercallInstruction.Call, HypercallSiteKind.Page, number) is not { } site)
            {
                return 0;
            }

            site.Number = site.Number == number ? number : null;
            return site.Index;
        }
    }

    /// <summary>Whether a site is an instruction in <see cref="Page"/>, where that is now.</summary>
    public bool IsEntry(int index) => _entries[index] is > 0 and var next && Page!.Owns(next - 1);

    /// <summary>The call into <see cref="Page"/> whose last byte is at a physical address; null when none was made from there.</summary>
    public HypercallSite? CallAt(ulong physical)
    {
        lock (_gate)
        {
            return _current.TryGetValue(physical, out HypercallSite? site) && site is { Instruction: HypercallInstruction.Call, IsStale: false } ? site : null;
        }
    }

    /// <summary>The number of the site at a physical address; 0 when it was not told apart.</summary>
    public int IndexOf(ulong physical)
    {
        lock (_gate)
        {
            return _current.TryGetValue(physical, out HypercallSite? site) ? site.Index : 0;
        }
    }

    /// <summary>A block's code changed, and with it perhaps that of sites in it.</summary>
    public void CodeChanged(TranslationBlock block)
    {
        lock (_gate)
        {
            foreach (HypercallSite site in _current.Values)
            {
                site.IsStale |= block.Overlaps(site.Physical, site.Watched);
            }
        }
    }

    /// <summary>Whether a site is in <see cref="Page"/> now, and where. Under the lock.</summary>
    private void NoteEntry(int index, bool isEntry, ulong address, ulong physical)
    {
        _entry = isEntry ? new HypercallEntry(index, address, physical) : _entry;
        _entries[index] = isEntry ? physical + 1 : 0;
    }

    /// <summary>The site at a place, another one when its code is another now; null when there is no room. Under the lock.</summary>
    private HypercallSite? At(ulong address, ulong physical, HypercallInstruction instruction, HypercallSiteKind kind, ulong? number)
    {
        if (_current.TryGetValue(physical, out HypercallSite? site))
        {
            // A block that starts behind the instruction that fixes the number does not know it.
            bool isSame = site.Instruction == instruction && (site.Number == null || number == null || site.Number == number);
            if (isSame || !site.IsStale)
            {
                site.IsStale = false;
                return site;
            }

            site.IsReplaced = true;
            kind = HypercallSiteKind.Rewritten;
        }

        if (_sites.Count == Capacity - 1)
        {
            return null;
        }

        site = new HypercallSite(_sites.Count + 1, address, physical, instruction, kind) { Number = number };
        _sites.Add(site);
        _current[physical] = site;
        return site;
    }

    /// <summary>Room for a processor's counts.</summary>
    internal ulong* AddCounts()
    {
        ulong* counts = (ulong*)NativeMemory.AllocZeroed(Capacity, sizeof(ulong));
        lock (_gate)
        {
            _counts.Add((nint)counts);
        }

        return counts;
    }

    /// <summary>The processor ends; what it counted stays.</summary>
    internal void RemoveCounts(ulong* counts)
    {
        lock (_gate)
        {
            _ = _counts.Remove((nint)counts);
            for (int i = 0; i < Capacity; i++)
            {
                _countedBefore[i] += counts[i];
            }
        }

        NativeMemory.Free(counts);
    }
}
