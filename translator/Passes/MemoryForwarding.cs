using Jitvmm.Translator.Ir;
using Jitvmm.Translator.Regions;

namespace Jitvmm.Translator.Passes;

/// <summary>
/// Gives a load the value that a store or load of the same bytes before it in its block had, where memory order allows: what compilers spill and read again does not go through memory.
/// </summary>
/// <remarks>
/// A CPU may take a load from its own store that others do not see yet, and may do two loads at once; but loads happen in order (Intel SDM volume 3, 9.2.2). Where others
/// write to the guest's memory, a load that goes to memory therefore ends what is known; where nobody does, only a store that may be to the same place does.
/// A device's registers are no memory: a machine's code reads only its stack from values.
/// </remarks>
/// <param name="isMachine">An address may be a device's.</param>
/// <param name="isPrivate">Nobody but the one vCPU that executes the code writes to memory.</param>
public sealed class MemoryForwarding(bool isMachine, bool isPrivate)
{
    private readonly List<Known> _known = [];
    private AddressRoots _roots = new([]);
    private int[]? _replacedBy;

    /// <summary>Changes the code of a block that is lifted and nothing else yet.</summary>
    public void Forward(RegionBlock block)
    {
        _roots = new AddressRoots(block.Code);
        _known.Clear();
        _replacedBy = null;
        for (int i = 0; i < block.Code.Length; i++)
        {
            ref IrInstruction op = ref block.Code[i];
            if (_replacedBy != null)
            {
                ReplaceOperands(ref op, _replacedBy);
            }

            switch (op.Opcode)
            {
                case IrOpcode.Store:
                    See(op.A, op.Width / 8, op.Width == WidthOf(block.Code[op.B].Type) ? op.B : -1, block.Code[op.B].Type);
                    break;
                case IrOpcode.Load when Find(op) is { } known:
                    block.AssumesPrivateMemory |= known.IsBeforeOtherLoad;
                    Replace(block.Code, i, known.Value);
                    break;
                case IrOpcode.Load:
                    LoadHappens();
                    _known.Add(new Known(_roots.Of(op.A), op.Width / 8, i, op.Type, false));
                    break;
                case IrOpcode.Pointer:
                case IrOpcode.Call when DeadCode.HasEffect(op):
                    // Its user writes there, or it is a fence.
                    _known.Clear();
                    break;
            }
        }
    }

    private static int WidthOf(IrType type) => type switch
    {
        IrType.I32 => 32,
        IrType.I64 or IrType.V64 => 64,
        IrType.V128 => 128,
        IrType.V256 => 256,
        _ => 0,
    };

    private static void ReplaceOperands(ref IrInstruction op, int[] replacedBy)
    {
        (int operands, _) = DeadCode.OperandCount(op.Opcode);
        op.A = operands > 0 ? replacedBy[op.A] : op.A;
        op.B = operands > 1 ? replacedBy[op.B] : op.B;
        op.C = operands > 2 ? replacedBy[op.C] : op.C;
        if (op.Arguments is { } arguments && Array.Exists(arguments, argument => replacedBy[argument] != argument))
        {
            op.Arguments = Array.ConvertAll(arguments, argument => replacedBy[argument]);
        }
    }

    /// <summary>A store: what may be the same bytes is not known any more, but these are.</summary>
    private void See(int address, int bytes, int value, IrType type)
    {
        (int root, long distance) = _roots.Of(address);
        _known.RemoveAll(known => known.Place.Root != root || (known.Place.Distance < distance + bytes && distance < known.Place.Distance + known.Bytes));
        if (value >= 0)
        {
            _known.Add(new Known((root, distance), bytes, value, type, false));
        }
    }

    private Known? Find(IrInstruction load)
    {
        (int Root, long) place = _roots.Of(load.A);
        if (isMachine && !AddressRoots.IsStackPointer(place.Root))
        {
            return null;
        }

        int found = _known.FindIndex(known => known.Place == place && known.Bytes == load.Width / 8 && known.Type == load.Type);
        return found < 0 ? null : _known[found];
    }

    private void LoadHappens()
    {
        if (!isPrivate)
        {
            _known.Clear();
            return;
        }

        for (int i = 0; i < _known.Count; i++)
        {
            _known[i] = _known[i] with { IsBeforeOtherLoad = true };
        }
    }

    private void Replace(IrInstruction[] code, int load, int value)
    {
        if (_replacedBy == null)
        {
            _replacedBy = new int[code.Length];
            for (int i = 0; i < _replacedBy.Length; i++)
            {
                _replacedBy[i] = i;
            }
        }

        _replacedBy[load] = value;
        code[load] = new IrInstruction { Opcode = IrOpcode.Constant, Type = IrType.I32, Guest = code[load].Guest };
    }

    /// <summary>Bytes of memory whose value is known.</summary>
    private readonly record struct Known((int Root, long Distance) Place, int Bytes, int Value, IrType Type, bool IsBeforeOtherLoad);
}
