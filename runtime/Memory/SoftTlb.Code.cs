using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Jitvmm.Runtime.CodeCache;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;

namespace Jitvmm.Runtime.Memory;

/// <summary>Where code is: translations of fetches, and what the jump caches know of a page.</summary>
public static unsafe partial class SoftTlb
{
    private const int FetchEntries = 1024;

    /// <summary>An instruction that begins this far before a page may go on in it.</summary>
    private const ulong LongestInstruction = 15;

    /// <summary>One cached translation of fetches; of no use but in its epoch (see <see cref="TlbContexts.SupervisorEpoch"/>).</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct FetchEntry
    {
        public ulong Page;
        public ulong Physical;
        public ulong Epoch;
    }

    /// <summary>Physical address of code that the current privilege fetched from before, in this context and since its latest flush.</summary>
    internal static bool TryFindCode(CpuState* cpu, ulong linear, out ulong physical)
    {
        FetchEntry* entry = FetchOf(cpu, linear);
        physical = entry->Physical | (linear & ~PageMask);
        return entry->Page == (linear & PageMask) && entry->Epoch == CurrentEpoch(cpu);
    }

    /// <summary>Notes where code at a linear address is, which now goes into the jump cache.</summary>
    internal static void NoteCode(CpuState* cpu, ulong linear, in PageMapping mapping)
    {
        TlbContexts* contexts = Contexts(cpu);
        FetchEntry* entry = FetchOf(cpu, linear);
        entry->Page = linear & PageMask;
        entry->Physical = mapping.Physical & PageMask;
        entry->Epoch = CurrentEpoch(cpu);
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

    private static void RenewSupervisorEpoch(CpuState* cpu) => Contexts(cpu)->SupervisorEpoch = ++Contexts(cpu)->LatestEpoch;

    private static void RenewUserEpoch(CpuState* cpu)
    {
        TlbContexts* contexts = Contexts(cpu);
        contexts->UserEpochs[contexts->Current] = ++contexts->LatestEpoch;
    }

    private static ulong CurrentEpoch(CpuState* cpu)
    {
        TlbContexts* contexts = Contexts(cpu);
        return cpu->System.Cpl == 3 ? contexts->UserEpochs[contexts->Current] : contexts->SupervisorEpoch;
    }

    private static FetchEntry* FetchOf(CpuState* cpu, ulong linear) =>
        (FetchEntry*)cpu->System.Fetches + ((linear >> GuestPages.PageShift) & (FetchEntries - 1));

    private static int CodePageWord(ulong linear) => (int)(linear >> (GuestPages.PageShift + 6)) & (TlbContexts.CodePageWords - 1);

    private static ulong CodePageBit(ulong linear) => 1ul << (int)((linear >> GuestPages.PageShift) & 63);
}
