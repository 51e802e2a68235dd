using System.Reflection.Emit;
using Jitvmm.Runtime.Callouts;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Semantics;
using Jitvmm.Translator.Ir;
using Jitvmm.Translator.Lift;
using Jitvmm.Translator.Passes;
using Jitvmm.Translator.Regions;

namespace Jitvmm.Translator.Emit;

/// <summary>How compiled code reaches guest memory: in the window, with permissions tested, or through the soft TLB.</summary>
public sealed partial class RegionEmitter
{
    /// <summary>Leaves unless an access may go straight to host memory; then <see cref="PushHostAddress"/> gives its address.</summary>
    private void CheckAddress(int access, int bytes, bool write, bool permissions, Label slow)
    {
        int address = _block.Code[access].A;
        if (!permissions)
        {
            CheckWindow(access, slow);
            return;
        }

        // Permissions cannot change between two accesses of one block, except by another thread, which x86 does not order either.
        if (_access != RegionAccess.Paged)
        {
            CheckGroup(_accessGroups!.Of(access), address, slow);
            return;
        }

        if (_values[address] == null)
        {
            EmitValue(address);
            Keep(address);
        }

        Probe(address, bytes, write, slow);
    }

    /// <summary>
    /// Leaves unless an access stays inside the guest's window or its guard. An address that was compared covers those within
    /// <see cref="MaxDistance"/> of it; of a base and a small displacement the base is compared, which sits in a register already.
    /// </summary>
    private void CheckWindow(int access, Label slow)
    {
        int address = _block.Code[access].A;
        if (_accessGroups?.Of(access).IsFixed == true)
        {
            return;
        }

        ref readonly IrInstruction op = ref _block.Code[address];

        (int root, long distance) = _roots.Of(address);
        if (_windowDistances.TryGetValue(root, out long known) && distance - known is >= -MaxDistance and <= MaxDistance)
        {
            return;
        }

        // A register with a larger displacement may be an index that is negative.
        bool isBase = _values[address] == null && op.Opcode == IrOpcode.Add && _block.Code[op.B].Opcode == IrOpcode.Constant
            && _block.Code[op.B].Immediate is >= -MaxFieldOffset and <= MaxFieldOffset;
        int compared = isBase ? op.A : address;
        _windowDistances[root] = _roots.Of(compared).Distance;
        KeepUnlessRegister(compared);
        Push(compared);
        LeaveUnlessInWindow(slow);
    }

    /// <summary>A value that is used twice: a register that is unchanged so far is its own local.</summary>
    private void KeepUnlessRegister(int index)
    {
        if (_values[index] == null && !(_inlined[index] && _block.Code[index] is { Opcode: IrOpcode.Get, Width: 64 }))
        {
            EmitValue(index);
            Keep(index);
        }
    }

    /// <summary>Compares with memory, because no instruction compares with a constant of 47 bits, and a shift needs a register and two more instructions.</summary>
    private void LeaveUnlessInWindow(Label slow)
    {
        _registers.PushStateAddress(CpuState.AddressLimitOffset);
        _il.LoadIndirect(64, false);
        _il.BranchCompare(OpCodes.Bge_Un, slow, IrType.I64);
    }

    /// <summary>Looks at the permissions of a group's pages before the first access of it.</summary>
    private void CheckGroup(AccessGroup group, int address, Label slow)
    {
        if (group.IsFixed)
        {
            for (long page = group.From >> GuestPages.PageShift; page <= (group.To - 1) >> GuestPages.PageShift; page++)
            {
                if (!_checkedPages.Contains((page, true)) && _checkedPages.Add((page, group.Write)))
                {
                    _il.LoadLocal(_pages, IrType.I64);
                    _il.Constant(page, IrType.I64);
                    TestPage(group.Write, slow);
                }
            }

            return;
        }

        if (!_checkedGroups.Add(group))
        {
            return;
        }

        long before = group.From - _roots.Of(address).Distance;
        long bytes = group.To - group.From;
        ref readonly IrInstruction op = ref _block.Code[address];
        KeepUnlessRegister(_values[address] == null && op.Opcode == IrOpcode.Add && _block.Code[op.B].Opcode == IrOpcode.Constant ? op.A : address);
        LocalBuilder start = _il.NewLocal(typeof(ulong), "start");
        PushAt(address, before);
        _il.StoreLocal(start, IrType.I64);
        _il.LoadLocal(start, IrType.I64);
        LeaveUnlessInWindow(slow);
        PushPage(() => _il.LoadLocal(start, IrType.I64));
        TestPage(group.Write, slow);
        if (bytes > 1)
        {
            PushPage(() => PushAt(address, before + bytes - 1));
            TestPage(group.Write, slow);
        }
    }

    private void PushAt(int address, long distance)
    {
        Push(address);
        if (distance != 0)
        {
            _il.Constant(distance, IrType.I64);
            _il.Binary(OpCodes.Add, IrType.I64);
        }
    }

    private void PushPage(Action pushAddress)
    {
        _il.LoadLocal(_pages, IrType.I64);
        pushAddress();
        _il.Constant(AddressSpace.PageShift, IrType.I32);
        _il.Shift(OpCodes.Shr_Un, IrType.I64);
    }

    private void TestPage(bool write, Label slow)
    {
        _il.Binary(OpCodes.Add, IrType.I64);
        _il.LoadIndirect(8, true);
        _il.Constant((long)(write ? PageAccess.PlainWrite : PageAccess.Read), IrType.I32);
        _il.Binary(OpCodes.And, IrType.I32);
        _il.BranchOn(OpCodes.Brfalse, slow);
    }

    /// <summary>
    /// Leaves unless the soft TLB has the page; then <see cref="PushHostAddress"/> gives its address. What it had at one access of a block it still has at the next.
    /// </summary>
    private void Probe(int address, int bytes, bool write, Label slow)
    {
        if (_probed.TryGetValue((address, write), out (LocalBuilder Entry, int Bytes) known) && known.Bytes >= bytes)
        {
            return;
        }

        LocalBuilder entry = _il.NewLocal(typeof(ulong), "translation");
        _il.Argument(MemoryArgument, IrType.I64);
        if (write)
        {
            _il.Constant(SoftTlb.WriteTable, IrType.I64);
            _il.Binary(OpCodes.Add, IrType.I64);
        }

        Push(address);
        _il.Constant(SoftTlb.IndexShift, IrType.I32);
        _il.Shift(OpCodes.Shr_Un, IrType.I64);
        _il.Constant((long)SoftTlb.IndexMask, IrType.I64);
        _il.Binary(OpCodes.And, IrType.I64);
        _il.Binary(OpCodes.Add, IrType.I64);
        _il.StoreLocal(entry, IrType.I64);
        Push(address);
        if (bytes > 1)
        {
            _il.Constant(bytes - 1, IrType.I64);
            _il.Binary(OpCodes.Add, IrType.I64);
        }

        _il.Constant(unchecked((long)SoftTlb.PageMask), IrType.I64);
        _il.Binary(OpCodes.And, IrType.I64);
        _il.LoadLocal(entry, IrType.I64);
        _il.LoadIndirect(64, false);
        _il.BranchCompare(OpCodes.Bne_Un, slow, IrType.I64);
        _probed[(address, write)] = (entry, bytes);
    }

    /// <summary>A method without a result. In a machine guest it may be one that opens user memory to the kernel, or interrupts the way in.</summary>
    private void EmitCallout(in IrInstruction op, int index)
    {
        if (_access != RegionAccess.Paged)
        {
            EmitCall(op);
            return;
        }

        if (op.Method!.Name == nameof(InterruptFlag.Enable) && op.Method.DeclaringType == typeof(InterruptFlag))
        {
            // The interrupt that waits comes behind the next instruction, where only tier 0 looks.
            _registers.PushStateAddress(SystemPlaces.InterruptPending);
            _il.LoadIndirect(32, false);
            _il.BranchOn(OpCodes.Brtrue, InterpretExit(index));
        }

        EmitCall(op);
        if (op.Method.IsDefined(typeof(ChangesMemoryViewAttribute), false))
        {
            PushMemory();
            _il.StoreArgument(MemoryArgument, IrType.I64);
            _probed.Clear();
        }
    }

    private void PushHostAddress(int address, bool write)
    {
        if (_access == RegionAccess.Paged)
        {
            _il.LoadLocal(_probed[(address, write)].Entry, IrType.I64);
            _il.Constant(8, IrType.I64);
            _il.Binary(OpCodes.Add, IrType.I64);
            _il.LoadIndirect(64, false);
        }
        else if (_accessesOf.GetValueOrDefault(_roots.Of(address).Root) > 1 && AddressRoots.IsStack(_roots.Of(address).Root))
        {
            PushFromRoot(address);
            return;
        }
        else
        {
            _il.Argument(MemoryArgument, IrType.I64);
        }

        Push(address);
        _il.Binary(OpCodes.Add, IrType.I64);
    }

    /// <summary>
    /// The host address of one place serves all others at a constant distance from it. Not only for the addition: processors forward a store to a load without delay
    /// where both have a base and a displacement, as a guest's accesses to its stack do, and not where they have an index.
    /// </summary>
    private void PushFromRoot(int address)
    {
        (int root, long distance) = _roots.Of(address);
        if (!_hostAddresses.TryGetValue(root, out (LocalBuilder Local, long Distance) known))
        {
            known = (_il.NewLocal(typeof(ulong), "host"), distance);
            _hostAddresses[root] = known;
            _il.Argument(MemoryArgument, IrType.I64);
            Push(address);
            _il.Binary(OpCodes.Add, IrType.I64);
            _il.StoreLocal(known.Local, IrType.I64);
        }

        _il.LoadLocal(known.Local, IrType.I64);
        if (distance != known.Distance)
        {
            _il.Constant(distance - known.Distance, IrType.I64);
            _il.Binary(OpCodes.Add, IrType.I64);
        }
    }

    /// <summary>Counts accesses by what their addresses are distances from.</summary>
    private void CountAccesses(RegionBlock block)
    {
        _accessesOf.Clear();
        _hostAddresses.Clear();
        _aligned.Clear();
        for (int i = 0; i < block.Code.Length; i++)
        {
            if (block.Used[i] > 0 && block.Code[i].Opcode is IrOpcode.Load or IrOpcode.Store or IrOpcode.Pointer && block.Code[block.Code[i].A].Opcode != IrOpcode.Constant)
            {
                int root = _roots.Of(block.Code[i].A).Root;
                _accessesOf[root] = _accessesOf.GetValueOrDefault(root) + 1;
            }
        }
    }

    /// <summary>Whether a condition is that an address is not aligned, and another at a multiple of the alignment from it was seen to be; from now on that is known of this one.</summary>
    private bool IsKnownAligned(int condition)
    {
        ref readonly IrInstruction low = ref _block.Code[condition];
        if (low.Opcode != IrOpcode.Truncate || _block.Code[low.A] is not { Opcode: IrOpcode.And } and || _block.Code[and.B] is not { Opcode: IrOpcode.Constant, Immediate: > 0 and < 64 } mask)
        {
            return false;
        }

        (int root, long distance) = _roots.Of(and.A);
        if (_aligned.TryGetValue(root, out (long Mask, long Distance) known) && known.Mask >= mask.Immediate && ((distance - known.Distance) & mask.Immediate) == 0)
        {
            return true;
        }

        _aligned[root] = (mask.Immediate, distance);
        return false;
    }
}
