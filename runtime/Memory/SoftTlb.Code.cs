using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Jitvmm.Runtime.CodeCache;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;

namespace Jitvmm.Runtime.Memory;

/// <summary>One cached translation of fetches; of no use but in its epoch (see <see cref="SystemState.FetchEpoch"/>). Generated code looks at it where it goes on in another page.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct FetchEntry
{
    public ulong Page;
    public ulong Physical;
    public ulong Epoch;
}

/// <summary>Where code is: translations of fetches, and what the jump caches know of a page.</summary>
public static unsafe partial class SoftTlb
{
    private const int FetchEntries = 1024;

    /// <summary>An instruction that begins this far before a page may go on in it.</summary>
    private const ulong LongestInstruction = 15;

    /// <summary>Where among <see cref="SystemState.Fetches"/> a linear address has its <see cref="FetchEntry"/>, in bytes.</summary>
    public static int FetchOffset(ulong linear) => (int)((linear >> GuestPages.PageShift) & (FetchEntries - 1)) * sizeof(FetchEntry);

    /// <summary>Physical address of code that the current privilege fetched from before, in this context and since its latest flush.</summary>
    internal static bool TryFindCode(CpuState* cpu, ulong linear, out ulong physical)
    {
        FetchEntry* entry = FetchOf(cpu, linear);
        physical = entry->Physical | (linear & ~PageMask);
        return entry->Page == (linear & PageMask) && entry->Epoch == cpu->System.FetchEpoch;
    }

    /// <summary>Notes where code at a linear address is, which now goes into the jump cache.</summary>
    internal static void NoteCode(CpuState* cpu, ulong linear, in PageMapping mapping)
    {
        TlbContexts* contexts = Contexts(cpu);
        FetchEntry* entry = FetchOf(cpu, linear);
        entry->Page = linear & PageMask;
        entry->Physical = mapping.Physical & PageMask;
        entry->Epoch = cpu->System.FetchEpoch;
        NoteSize(cpu, linear, mapping.Size);
        contexts->CodePages[CodePageWord(linear)] |= CodePageBit(linear);
        if (!mapping.IsGlobal && cpu->System.Cpl != 3)
        {
            cpu->System.HasPrivateSupervisorCode = 1;
        }
        else if (mapping.IsGlobal && cpu->System.Cpl == 3)
        {
            contexts->HasGlobalCode = 1;
        }
    }

    /// <summary>Where the code is that counts now.</summary>
    internal static CodeMap MapOfCode(CpuState* cpu)
    {
        Span<FetchEntry> entries = new((void*)cpu->System.Fetches, FetchEntries);
        ulong epoch = cpu->System.FetchEpoch;
        int count = 0;
        foreach (ref readonly FetchEntry entry in entries)
        {
            count += entry.Epoch == epoch ? 1 : 0;
        }

        (ulong, ulong)[] pages = new (ulong, ulong)[count];
        foreach (ref readonly FetchEntry entry in entries)
        {
            if (entry.Epoch == epoch)
            {
                pages[--count] = (entry.Page, entry.Physical);
            }
        }

        return new CodeMap(pages);
    }

    /// <summary>Forgets code of one linear page, in the current context.</summary>
    private static void ForgetCode(CpuState* cpu, ulong page)
    {
        FetchOf(cpu, page)->Epoch = 0;
        if ((Contexts(cpu)->CodePages[CodePageWord(page)] & CodePageBit(page)) == 0)
        {
            return;
        }

        if (((cpu->System.JumpCacheKeys[0] | cpu->System.JumpCacheKeys[1]) >> CodeBaseShift) != 0)
        {
            // RIP is not the linear address.
            ClearCurrentJumpCaches(cpu);
            return;
        }

        ForgetCode((JumpCacheEntry*)cpu->System.SupervisorJumpCache, page);
        ForgetCode((JumpCacheEntry*)cpu->System.UserJumpCache, page);
    }

    /// <summary>Looks at all entries: the page of a block does not tell where it is in the cache.</summary>
    private static void ForgetCode(JumpCacheEntry* cache, ulong page)
    {
        // Two entries to a vector, of which the even elements are addresses.
        Vector256<ulong> first = Vector256.Create(page - LongestInstruction);
        Vector256<ulong> length = Vector256.Create(GuestPages.PageSize + LongestInstruction);
        for (int i = 0; i < Dispatch.JumpCacheSize; i += 2)
        {
            uint inside = Vector256.LessThan(Vector256.Load((ulong*)(cache + i)) - first, length).ExtractMostSignificantBits();
            if ((inside & 1) != 0)
            {
                cache[i] = default;
            }

            if ((inside & 4) != 0)
            {
                cache[i + 1] = default;
            }
        }
    }

    private static void RenewSupervisorEpoch(CpuState* cpu)
    {
        Contexts(cpu)->SupervisorEpoch = ++Contexts(cpu)->LatestEpoch;
        FollowEpoch(cpu);
    }

    private static void RenewUserEpoch(CpuState* cpu)
    {
        TlbContexts* contexts = Contexts(cpu);
        contexts->UserEpochs[contexts->Current] = ++contexts->LatestEpoch;
        FollowEpoch(cpu);
    }

    /// <summary>CPL, the context or its epoch changed.</summary>
    private static void FollowEpoch(CpuState* cpu)
    {
        TlbContexts* contexts = Contexts(cpu);
        cpu->System.FetchEpoch = cpu->System.Cpl == 3 ? contexts->UserEpochs[contexts->Current] : contexts->SupervisorEpoch;
    }

    private static FetchEntry* FetchOf(CpuState* cpu, ulong linear) => (FetchEntry*)(cpu->System.Fetches + FetchOffset(linear));

    private static int CodePageWord(ulong linear) => (int)(linear >> (GuestPages.PageShift + 6)) & (TlbContexts.CodePageWords - 1);

    private static ulong CodePageBit(ulong linear) => 1ul << (int)((linear >> GuestPages.PageShift) & 63);
}
