using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Jitvmm.Runtime.Callouts;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;

namespace Jitvmm.Runtime.Memory;

/// <summary>Invalidation, and the contexts of process-context identifiers (SDM vol. 3A, 4.10). Forgetting more than asked is always right.</summary>
public static unsafe partial class SoftTlb
{
    /// <summary>All translations of all contexts, global ones too.</summary>
    public static void FlushAll(CpuState* cpu)
    {
        NativeMemory.Fill((void*)cpu->System.TlbTables, UserSet * SetBytes, 0xff);
        FillUser(cpu);
        DropOtherContexts(cpu);
        Contexts(cpu)->HasGlobalCode = 0;
        cpu->System.HasPrivateSupervisorEntries = 0;
        cpu->System.LargePagesFrom = ulong.MaxValue;
        cpu->System.LargePagesTo = 0;
        ClearCurrentJumpCaches(cpu);
    }

    /// <summary>A CR3 load without process-context identifiers: what is not global goes (SDM vol. 3A, 4.10.4.1).</summary>
    public static void FlushNonGlobal(CpuState* cpu)
    {
        if ((cpu->System.Cr4 & Cr4.PageGlobal) == 0)
        {
            FlushAll(cpu);
            return;
        }

        FlushSupervisorPrivate(cpu);
        EmptyCurrentContext(cpu);
    }

    /// <summary>INVPCID of everything but global translations.</summary>
    public static void FlushNonGlobalOfAllContexts(CpuState* cpu)
    {
        FlushNonGlobal(cpu);
        DropOtherContexts(cpu);
    }

    /// <summary>A CR3 load with process-context identifiers: to another context, whose translations are kept if the load asks for that.</summary>
    public static void SwitchContext(CpuState* cpu, int id, bool keep)
    {
        FlushSupervisorPrivate(cpu);
        TlbContexts* contexts = Contexts(cpu);
        int old = contexts->Current;
        if (contexts->Ids[old] == id)
        {
            if (!keep)
            {
                EmptyCurrentContext(cpu);
            }

            return;
        }

        int found = contexts->Find(id);
        bool isNew = found < 0;
        if (isNew)
        {
            contexts->Next = (contexts->Next + 1) % TlbContexts.Count;
            found = contexts->Next != old ? contexts->Next : contexts->Next = (contexts->Next + 1) % TlbContexts.Count;
        }

        // The supervisor's jump cache stays, and what is known of its pages with it.
        contexts->Keys[old] = cpu->System.JumpCacheKeys[1];
        for (int i = 0; i < TlbContexts.CodePageWords; i++)
        {
            ulong pages = contexts->CodePages[i];
            contexts->CodePagesOf[(old * TlbContexts.CodePageWords) + i] = pages;
            contexts->CodePages[i] = pages | (isNew ? 0 : contexts->CodePagesOf[(found * TlbContexts.CodePageWords) + i]);
        }

        contexts->Ids[found] = id;
        UseContext(cpu, found);
        cpu->System.JumpCacheKeys[1] = contexts->Keys[found];
        if (isNew || !keep)
        {
            EmptyCurrentContext(cpu);
        }

        ModeChanged(cpu);
    }

    /// <summary>Forgets what is kept of an identifier that is not the current one.</summary>
    public static void DropContext(CpuState* cpu, int id)
    {
        TlbContexts* contexts = Contexts(cpu);
        int found = contexts->Find(id);
        if (found >= 0 && found != contexts->Current)
        {
            contexts->Ids[found] = TlbContexts.Unused;
        }
    }

    /// <summary>Names the current context: identifiers were switched on or off with everything flushed.</summary>
    public static void NameContext(CpuState* cpu, int id) => Contexts(cpu)->Ids[Contexts(cpu)->Current] = id;

    /// <summary>INVLPG: everything known of one linear address in the current context, and of global pages in all.</summary>
    public static void FlushPage(CpuState* cpu, ulong linear)
    {
        ulong page = linear & PageMask;
        TlbContexts* contexts = Contexts(cpu);
        if (page >= cpu->System.LargePagesFrom && page <= cpu->System.LargePagesTo)
        {
            FlushLargePage(cpu, page);
            return;
        }

        byte* entry = (byte*)cpu->System.TlbTables + ((linear >> IndexShift) & IndexMask);
        for (int table = 0; table < 2 * Sets; table++)
        {
            if (((TlbEntry*)entry)->Tag == page)
            {
                ((TlbEntry*)entry)->Tag = NoTag;
            }

            entry += TableBytes;
        }

        ForgetCode(cpu, page);
        if (contexts->HasGlobalCode != 0)
        {
            DropOtherContexts(cpu);
        }
    }

    /// <summary>Forgets where linear addresses lead to code, in all contexts.</summary>
    internal static void ClearJumpCaches(CpuState* cpu)
    {
        DropOtherContexts(cpu);
        ClearCurrentJumpCaches(cpu);
    }

    /// <summary>A block became stale: no jump cache may lead to it. Any thread.</summary>
    internal static void ForgetTarget(CpuState* cpu, ulong address, CodeCache.TbOp* head)
    {
        ForgetTarget((JumpCacheEntry*)cpu->System.SupervisorJumpCache, address, head);
        for (int i = 0; i < TlbContexts.Count; i++)
        {
            ForgetTarget((JumpCacheEntry*)(cpu->System.UserJumpCaches + (i * JumpCacheBytes)), address, head);
        }
    }

    /// <summary>The same for one jump cache.</summary>
    internal static void ForgetTarget(JumpCacheEntry* cache, ulong address, CodeCache.TbOp* head)
    {
        JumpCacheEntry* entry = cache + Dispatch.JumpCacheIndex(address);
        if (entry->Op == head)
        {
            entry->Address = 0;
            entry->Op = null;
        }
    }

    /// <summary>Entries of small pages cut from a large one are anywhere in the tables: those of its gigabyte go.</summary>
    private static void FlushLargePage(CpuState* cpu, ulong page)
    {
        const ulong LargestPage = ~((1ul << 30) - 1);
        TlbEntry* entries = (TlbEntry*)cpu->System.TlbTables;
        for (int i = 0; i < Sets * EntriesPerSet; i++)
        {
            if (((entries[i].Tag ^ page) & LargestPage) == 0)
            {
                entries[i].Tag = NoTag;
            }
        }

        ClearJumpCaches(cpu);
    }

    private static TlbContexts* Contexts(CpuState* cpu) => (TlbContexts*)cpu->System.Contexts;

    private static void UseContext(CpuState* cpu, int context)
    {
        Contexts(cpu)->Current = context;
        cpu->System.UserTables = cpu->System.TlbTables + ((UserSet + context) * SetBytes);
        cpu->System.UserJumpCache = cpu->System.UserJumpCaches + (context * JumpCacheBytes);
        FollowEpoch(cpu);
    }

    private static void FillUser(CpuState* cpu) => NativeMemory.Fill((void*)cpu->System.UserTables, SetBytes, 0xff);

    private static void EmptyCurrentContext(CpuState* cpu)
    {
        FillUser(cpu);
        ClearJumpCache(cpu->System.UserJumpCache);
        RenewUserEpoch(cpu);
    }

    private static void DropOtherContexts(CpuState* cpu)
    {
        TlbContexts* contexts = Contexts(cpu);
        for (int i = 0; i < TlbContexts.Count; i++)
        {
            if (i != contexts->Current)
            {
                contexts->Ids[i] = TlbContexts.Unused;
            }
        }
    }

    private static void FlushSupervisorPrivate(CpuState* cpu)
    {
        if (cpu->System.HasPrivateSupervisorEntries != 0)
        {
            cpu->System.HasPrivateSupervisorEntries = 0;
            TlbEntry* entries = (TlbEntry*)cpu->System.TlbTables;
            byte* globals = (byte*)cpu->System.TlbTables + AllTables;
            for (int i = 0; i < UserSet * EntriesPerSet; i += Vector256<byte>.Count)
            {
                for (uint found = Vector256.Equals(Vector256.Load(globals + i), default).ExtractMostSignificantBits(); found != 0; found &= found - 1)
                {
                    entries[i + BitOperations.TrailingZeroCount(found)].Tag = NoTag;
                    globals[i + BitOperations.TrailingZeroCount(found)] = 1;
                }
            }
        }

        if (cpu->System.HasPrivateSupervisorCode != 0)
        {
            ClearJumpCache(cpu->System.SupervisorJumpCache);
            RenewSupervisorEpoch(cpu);
            cpu->System.HasPrivateSupervisorCode = 0;
        }
    }

    private static void ClearCurrentJumpCaches(CpuState* cpu)
    {
        ClearJumpCache(cpu->System.SupervisorJumpCache);
        ClearJumpCache(cpu->System.UserJumpCache);
        RenewSupervisorEpoch(cpu);
        RenewUserEpoch(cpu);
        cpu->System.HasPrivateSupervisorCode = 0;
        for (int i = 0; i < TlbContexts.CodePageWords; i++)
        {
            Contexts(cpu)->CodePages[i] = 0;
        }
    }
}
